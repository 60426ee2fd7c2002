// Topics that are kept at their latest value.
import { expect, test } from 'vitest';
import { LatestValues } from '../../src/connections/latest-values.ts';
import { ModelBroker, ModelPublisher } from '../support/fakes/model-broker.ts';
import { ManualClock } from '../support/manual-clock.ts';

test('what was left to another worker is not said again when the broker is back, nor what still waited for its second', async () => {
  const clock = new ManualClock();
  const publisher = new ModelPublisher(new ModelBroker('main'), {});
  publisher.start();
  const values = new LatestValues(publisher, clock, 1000);
  values.set('status/a', 'OPENED here');
  values.set('status/b', 'OPENED here');
  await clock.advance(10);
  values.set('status/a', 'CLOSED here');
  values.leave('status/a');
  await clock.advance(2_000);
  values.refresh();
  await clock.advance(2_000);
  expect(publisher.of('status/a')).toEqual(['OPENED here']);
  expect(publisher.of('status/b')).toEqual(['OPENED here', 'OPENED here']);
  // It is nothing to say again then, unlike what is still ours.
  values.again('status/a');
  values.again('status/b');
  await clock.advance(1_000);
  expect(publisher.of('status/a')).toEqual(['OPENED here']);
  expect(publisher.of('status/b')).toHaveLength(3);
  // It may come back.
  values.set('status/a', 'OPENED here again');
  await clock.advance(10);
  expect(publisher.of('status/a').at(-1)).toBe('OPENED here again');
});
