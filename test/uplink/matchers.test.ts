import { describe, expect, test } from 'vitest';
import type { Matcher } from '../../src/domain/connection.ts';
import { compileMatchers, tagsOf } from '../../src/uplink/matchers.ts';

const device = {
  device: '0018B20000000B20',
  tags: ['Site=Paris', 'truck'],
  services: '1:TemperatureService, 2:SwissPostDevice',
};
const thing = (...tags: string[]): Matcher => ({ type: 'thing', tags });
const key = (eui: string): Matcher => ({ type: 'key', key: `lora:${eui}` });
const matches = (...matchers: Matcher[]): boolean => compileMatchers(matchers)(device);

describe('Matchers', () => {
  test('take every device when there are none', () => expect(matches()).toBe(true));
  test('take a device by its key in any case', () => {
    expect(matches(key('0018b20000000b20'))).toBe(true);
    expect(matches(key('0018b20000000b21'))).toBe(false);
  });
  test('want all tags of one matcher, in any case; the device may have more', () => {
    expect(matches(thing('TRUCK', 'site=paris'))).toBe(true);
    expect(matches(thing('truck', 'site=Lyon'))).toBe(false);
  });
  test('know the service tags of ModelCfg', () => {
    expect(matches(thing('temperatureservice', 'SwissPostDevice'))).toBe(true);
    expect(matches(thing('truck', 'SwissPostDevice'))).toBe(true);
  });
  test('are OR-ed', () => {
    expect(matches(thing('bus'), key('0000000000000000'), thing('truck', 'boat'), thing('truck'))).toBe(true);
    expect(matches(thing('bus'), thing('boat'))).toBe(false);
  });
  test('take tags from whatever shape without failing', () => {
    for (const tags of [null, 7, {}, 'truck', [null, 5, ['truck']], undefined]) {
      expect(compileMatchers([thing('truck')])({ ...device, tags })).toBe(tags === 'truck');
    }
    expect([...tagsOf({ tags: [], services: '0' })]).toEqual(['0']);
    expect([...tagsOf({ tags: [''], services: ',:,' })]).toEqual([]);
  });
});
