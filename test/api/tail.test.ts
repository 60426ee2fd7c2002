// Those who follow uplinks: how many, and that each uplink is written out once for all of them.
import type { ServerResponse } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { startHttp } from '../../src/api/http.ts';
import { LineStream } from '../../src/api/line-stream.ts';
import type { Control } from '../../src/domain/ports/control.ts';
import { portsOf } from '../support/api.ts';
import { until } from '../support/bridge.ts';

test('fifty follow at once, on all ports and base paths together; who hangs up makes room', {
  timeout: 120_000,
}, async () => {
  let following = 0;
  const follow: Control['follow'] = (id) => {
    if (id !== 'a') return null;
    following += 1;
    return () => {
      following -= 1;
    };
  };
  const ports = portsOf({ follow });
  const principal = { kind: 'local', name: 'local', role: 'admin', user: null } as const;
  const start = async (): Promise<string> => {
    const server = await startHttp({
      ...{ ports, host: '127.0.0.1', port: 0 },
      authenticate: () => ({ kind: 'ok', principal }),
    });
    onTestFinished(() => server.stop());
    return server.url;
  };
  const bases = [await start(), `${await start()}/iot-flow/v1`];
  // With their answers: fetch hangs up when one that is being read is collected.
  const open: { readonly controller: AbortController; readonly answer: Response }[] = [];
  onTestFinished(() => {
    for (const { controller } of open) controller.abort();
  });
  const tail = async (at: number, id = 'a'): Promise<Response> => {
    const controller = new AbortController();
    const answer = await fetch(`${bases[at % 2]}/connections/${id}/tail`, { signal: controller.signal });
    if (answer.ok) open.push({ controller, answer });
    return answer;
  };
  // Who follows nothing takes no place.
  for (let n = 0; n < 5; n++) expect((await tail(n, 'nobody')).status).toBe(404);
  for (let n = 0; n < 50; n++) expect((await tail(n)).status).toBe(200);
  for (const at of [0, 1]) {
    const answer = await tail(at);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '10']);
    expect(await answer.json()).toMatchObject({ detail: '50 follow uplinks already' });
  }
  expect(following).toBe(50);
  open.shift()?.controller.abort();
  await until('the one who hung up is gone', async () => following === 49);
  await until('there is room', async () => (await tail(1)).status === 200);
  expect(following).toBe(50);
});

test('a line that goes to many is written out once', async () => {
  let writings = 0;
  const line = {
    toJSON: () => {
      writings += 1;
      return { seq: 1 };
    },
  };
  const texts: string[] = [];
  const response = { writableLength: 0, destroyed: false, write: (text: string) => texts.push(text) };
  for (let n = 0; n < 20; n++) new LineStream(response as unknown as ServerResponse).write(line);
  await until('all have it', async () => texts.length === 20);
  expect(new Set(texts)).toEqual(new Set(['{"seq":1}\n']));
  expect(writings).toBe(1);
});
