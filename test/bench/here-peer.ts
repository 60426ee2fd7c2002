// The HERE of the benchmarks: a process that takes batches as fast as they come, and is the sandbox in everything else.
//
// The sandbox looks into each record, which costs it about as much as the record costs the bridge; on a machine with two
// cores it would be the bottleneck of what is measured. This one counts the records of a batch and answers as HERE does
// (204). Log-in, projects, devices and jobs are the sandbox's. What is right about a record, other suites tell.
//
// Prints one line of JSON like `here-bridge sandbox`: url, email, password, appIds. `GET /sandbox/stats` has the counts,
// `GET /peer/latencies` how old the records were since the last time it was asked, ms (it looks at their times from then on),
// `GET /peer/distinct` how many different ones (device and time) it has of what was measured since `POST /peer/distinct`, and
// `POST /peer/fault/KIND/MS` makes it answer 503 (`503`) or not at all (`hang`) for a while.
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { startSandbox } from '../../src/sandbox/server.ts';

/** How a record of the bridge begins. */
const RECORD = Buffer.from('{"id":"');
const RECORD_TIME = /\{"id":"[^"]*","timestamp":(\d+)/g;

const sandbox = await startSandbox({ port: 0, keepRecords: 0 });
let acceptedRecords = 0;
let acceptedRequests = 0;
let acceptedBytes = 0;
/** null: nobody wants to know. */
let latencies: number[] | null = null;
let distinct: { readonly sinceMs: number; readonly keys: Set<string> } | null = null;
let fault: { readonly kind: string; readonly until: number } | null = null;

const server = http.createServer((request, response) => {
  const { method, url = '' } = request;
  if (method === 'POST' && url === '/v3/batch') takeBatch(request, response);
  else if (url === '/sandbox/stats') {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ acceptedRecords, acceptedRequests, acceptedBytes }));
  } else if (url === '/peer/latencies') {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(summary(latencies ?? [])));
    latencies = [];
  } else if (url === '/peer/distinct') {
    if (method === 'POST') distinct = { sinceMs: Date.now(), keys: new Set() };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ count: distinct?.keys.size ?? 0 }));
  } else if (url.startsWith('/peer/fault/')) {
    const [kind = '', ms = ''] = url.split('/').slice(3);
    fault = { kind, until: performance.now() + Number(ms) };
    response.end('{}');
  } else passOn(request, response);
});
server.keepAliveTimeout = 60_000;

function takeBatch(request: http.IncomingMessage, response: http.ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    if (fault !== null && performance.now() < fault.until) {
      if (fault.kind === '503') response.writeHead(503).end();
      return;
    }
    const body = Buffer.concat(chunks);
    for (let at = body.indexOf(RECORD); at >= 0; at = body.indexOf(RECORD, at + RECORD.length)) acceptedRecords += 1;
    acceptedRequests += 1;
    acceptedBytes += body.length;
    if (distinct !== null) {
      const { data } = JSON.parse(body.toString()) as { data: readonly { id: string; timestamp: number }[] };
      for (const { id, timestamp } of data) if (timestamp >= distinct.sinceMs) distinct.keys.add(`${id} ${timestamp}`);
    }
    if (latencies !== null) {
      const now = performance.timeOrigin + performance.now();
      for (const [, time] of body.toString('latin1').matchAll(RECORD_TIME)) latencies.push(now - Number(time));
    }
    response.writeHead(204).end();
  });
}

function summary(values: readonly number[]): { count: number; p50: number; p99: number } {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? 0;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99) };
}

function passOn(request: http.IncomingMessage, response: http.ServerResponse): void {
  const { method, url, headers } = request;
  const onward = http.request(sandbox.url + url, { method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.writeHead(502).end());
  request.pipe(onward);
}

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  const { email, password, appIds } = sandbox;
  console.log(JSON.stringify({ url: `http://127.0.0.1:${port}`, email, password, appIds }));
});
