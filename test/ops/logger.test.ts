// The log: one bounded line of JSON a thing, no secrets in it, wherever they hide.
import { describe, expect, test } from 'vitest';
import { createLogger, type Logger, MAX_LINE_BYTES } from '../../src/ops/logger.ts';

const PLANTED = 'Zq9planted';

async function logged(write: (logger: Logger) => void, pretty: 'never' | 'always' = 'never'): Promise<string[]> {
  const lines: string[] = [];
  const output = { write: (line: string) => lines.push(line) };
  const logger = await createLogger({ level: 'debug', pretty, output, colour: false });
  write(logger);
  return lines;
}

async function parsed(write: (logger: Logger) => void): Promise<Record<string, unknown>> {
  const lines = await logged(write);
  expect(lines).toHaveLength(1);
  expect(lines[0]!.endsWith('\n') && lines[0]!.indexOf('\n') === lines[0]!.length - 1).toBe(true);
  return JSON.parse(lines[0]!);
}

describe('The log', () => {
  test('has a line of JSON for each thing, with time, level and connection', async () => {
    const line = await parsed((logger) =>
      logger.child({ connectionId: 'tenant-a' }).warn({ waiting: 3 }, 'journal is\nfull'),
    );
    expect(line).toMatchObject({ level: 'warn', connectionId: 'tenant-a', waiting: 3, msg: 'journal is\nfull' });
    expect(line.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  test('says nothing below its level', async () => {
    expect(await logged((logger) => logger.trace('too fine'))).toEqual([]);
  });

  test.each<[string, (logger: Logger) => void]>([
    [
      'fields by name, in any case and depth',
      (l) => l.info({ a: { Password: PLANTED, b: [{ access_token: PLANTED }] } }, 'm'),
    ],
    [
      'the fields of ThingPark',
      (l) => l.info({ downlinkAsKey: PLANTED, downlinkUrl: `https://x?token=${PLANTED}` }, 'm'),
    ],
    ['headers', (l) => l.info({ headers: { Authorization: `Bearer ${PLANTED}abc` } }, 'm')],
    ['URLs with credentials in fields', (l) => l.info({ url: `mqtt://user:${PLANTED}@host` }, 'm')],
    ['URLs with credentials in messages', (l) => l.info(`connecting to mqtt://user:${PLANTED}@host`)],
    ['parameters of messages', (l) => l.info('connecting to %s', `mqtt://user:${PLANTED}@host`)],
    ['bearer tokens in texts', (l) => l.info(`sent Bearer ${PLANTED}.abc.def`)],
    ['children', (l) => l.child({ connectionId: 'a', password: PLANTED }).child({ token: PLANTED }).info('m')],
    ['errors', (l) => l.error(new Error(`refused mqtts://u:${PLANTED}@host`))],
    ['what caused errors', (l) => l.error(new Error('x', { cause: { password: PLANTED } }), 'm')],
    ['errors in fields', (l) => l.error({ err: new Error(`Bearer ${PLANTED}`) }, 'm')],
  ])('masks secrets in %s', async (_, write) => {
    for (const pretty of ['never', 'always'] as const) {
      const lines = await logged(write, pretty);
      expect(lines).toHaveLength(1);
      expect(lines[0]).not.toContain(PLANTED);
      expect(lines[0]).toContain('*****');
    }
  });

  test('keeps what only looks like a secret', async () => {
    expect(await parsed((l) => l.info({ device: 'A1', keyId: 'k1', passed: 3, tokensLeft: null }, 'm'))).toMatchObject({
      device: 'A1',
      keyId: 'k1',
      passed: 3,
    });
  });

  test('keeps the type, code and place of errors', async () => {
    const error = Object.assign(new TypeError('no'), { code: 'ENOSPC' });
    expect(await parsed((l) => l.error(error, 'disk'))).toMatchObject({
      msg: 'disk',
      err: { type: 'TypeError', message: 'no', code: 'ENOSPC', stack: expect.stringContaining('logger.test') },
    });
  });

  test('bounds what is long, deep, wide or circular', async () => {
    const deep: Record<string, unknown> = {};
    let at = deep;
    for (let n = 0; n < 1000; n++) at = at.next = {};
    const circular: Record<string, unknown> = {};
    for (let n = 0; n < 60; n++) circular[`self${n}`] = circular;
    const wide = Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`k${n}`, 'é'.repeat(3000)]));
    const bytes = Buffer.alloc(100_000);
    const polluted = JSON.parse('{"__proto__": {"polluted": true}}');
    for (const fields of [deep, circular, wide, { bytes }, { list: Array(100_000).fill(1) }, polluted]) {
      const lines = await logged((l) => l.child({ connectionId: 'a' }).info(fields, 'y'.repeat(100_000)));
      expect(Buffer.byteLength(lines[0]!)).toBeLessThanOrEqual(MAX_LINE_BYTES + 1);
      expect(JSON.parse(lines[0]!)).toMatchObject({ level: 'info', connectionId: 'a' });
    }
  });

  test('is for people on a terminal', async () => {
    const [line] = await logged((l) => l.child({ connectionId: 'tenant-a' }).info({ n: 1 }, 'opened'), 'always');
    expect(line).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: \[tenant-a\] opened \{"n":1\}\n$/);
  });

  test('on a terminal foreign words neither steer it nor look like another line', async () => {
    const foreign = 'x\u001b]0;title\u0007\u001b[2J\r\nFAKE \u009b31m\u2028 line';
    const lines = await logged((l) => {
      l.child({ connectionId: foreign }).warn({ client: foreign, [foreign]: 1 }, `client "${foreign}" is refused`);
      l.error({ err: new Error(foreign) }, 'm');
    }, 'always');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(lines.join('')).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/);
    expect(lines[0]?.split('\n')).toHaveLength(2);
    expect(lines[0]).toContain('client "x\\u001b]0;title\\u0007');
    expect(lines.join('')).not.toMatch(/^FAKE/m);
  });
});
