// Ten thousand connections: each page of them is made in little time, whatever is asked for.
import { expect, test } from 'vitest';
import { createApp } from '../../src/api/app.ts';
import { createControl } from '../../src/bridge/control.ts';
import { Views } from '../../src/bridge/views.ts';
import type { DefinitionRecord } from '../../src/domain/connection.ts';
import { emptyLedger } from '../../src/domain/ledger.ts';
import { portsOf } from '../support/api.ts';
import { figures } from '../support/bridge.ts';
import { ManualClock } from '../support/manual-clock.ts';

const COUNT = 10_000;
const MAX_MS = 100;

test('10,000 connections are listed in pages within 100 ms each', async () => {
  const clock = new ManualClock();
  const views = new Views({ setStatus: () => {}, setLedger: () => {}, clear: () => {} }, clock);
  const records = new Map<string, DefinitionRecord>();
  for (let n = 0; n < COUNT; n++) {
    const id = `c-${String((n * 7919) % COUNT).padStart(5, '0')}`;
    const name = `Customer ${n} of ${COUNT}`;
    const state = n % 10 === 0 ? 'CLOSED' : 'OPENED';
    const since = '2026-11-28T10:00:00.000Z';
    const facts = { reason: null, since, startupTime: since, worker: 'w1', appId: 'app', source: null };
    views.setStatus({ id, name, state, ...facts });
    views.setLedger(id, { ...emptyLedger(), received: n, delivered: n }, 0);
    const configuration = { email: 'a@example.com', password: 'enc:v1:x', description: 'x'.repeat(200) };
    records.set(id, { connectorId: 'actility-here-iot', name, configuration, revision: 'r1' });
  }
  const control = createControl({
    views,
    definitions: { record: (id: string) => records.get(id) ?? null, ids: () => [...records.keys()] },
    clock,
    figures: { figures: () => null },
  } as unknown as Parameters<typeof createControl>[0]);
  const principal = { name: 'local', role: 'admin', kind: 'local' } as never;
  const { app } = await createApp({ ports: portsOf(control), authenticate: () => ({ kind: 'ok', principal }) });
  const measured: Record<string, number> = {};
  for (const query of [
    'page=1',
    'page=100&perPage=100',
    'perPage=100&q=Customer%209',
    'sort=-name',
    'state=CLOSED&sort=state',
  ]) {
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 5; round++) {
      const begin = performance.now();
      const answer = await app.inject({ url: `/connections?${query}` });
      best = Math.min(best, performance.now() - begin);
      expect(answer.statusCode).toBe(200);
      expect(answer.json().length).toBeGreaterThanOrEqual(20);
    }
    measured[query] = Math.round(best * 10) / 10;
  }
  figures('ms a page of 10,000 connections', measured);
  expect(Math.max(...Object.values(measured))).toBeLessThan(MAX_MS);
  await app.close();
});
