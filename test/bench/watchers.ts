// People who watch, for benchmarks: what an open page of the console asks for and listens to, and at what pace (src/console/api,
// src/console/app/live.ts), without a browser; or plain listeners of the event stream. A process of its own.
//
// Arguments: the bridge's address and token, then `pages` or `listeners`, and how many. Lines on standard input: `open` (answered
// when all are there) and `close` (answered with what they got).
import http from 'node:http';
import readline from 'node:readline';

const [url = '', token = '', kind = 'pages', number = '20'] = process.argv.slice(2);
const CONNECTION = 'bench';
const HEALTH_MS = 1_500;
const agent = new http.Agent({ keepAlive: true });

interface Poll {
  readonly path: string;
  /** null: only when the bridge tells of a change. */
  readonly everyMs: number | null;
  /** What makes it stale: events, or a change of the connection. */
  readonly staleBy: 'event' | 'status';
}

const base = `/connections/${CONNECTION}`;
const connectionPolls: readonly Poll[] = [
  { path: base, everyMs: 5_000, staleBy: 'status' },
  { path: `${base}/metrics?period=1h`, everyMs: 10_000, staleBy: 'status' },
  { path: `/events?limit=10&connectionId=${CONNECTION}`, everyMs: null, staleBy: 'event' },
];

interface Got {
  streams: number;
  bytes: number;
  answers: number;
  /** Questions without an answer: path and status or error → how often. */
  refused: Record<string, number>;
}

const nothing = (): Got => ({ streams: 0, bytes: 0, answers: 0, refused: {} });
let got = nothing();
let close: (() => void)[] = [];

/** Of 20: ten connections, four lists, three devices, two of all devices, and one that follows the uplinks live. */
function pollsOf(index: number, device: string): readonly Poll[] {
  const role = index % 20;
  if (role < 10) return connectionPolls;
  if (role < 14) return [{ path: '/connections?page=1&perPage=100&sort=name', everyMs: 5_000, staleBy: 'status' }];
  if (role < 17) {
    return [
      { path: `${base}/devices/${device}`, everyMs: 5_000, staleBy: 'status' },
      { path: `${base}/messages?device=${device}&limit=50`, everyMs: 3_000, staleBy: 'status' },
      { path: `${base}/commands?device=${device}&limit=50`, everyMs: 3_000, staleBy: 'status' },
    ];
  }
  return role < 19 ? [{ path: `${base}/devices?limit=1000`, everyMs: 5_000, staleBy: 'status' }] : [];
}

async function openPage(index: number, device: string): Promise<void> {
  const polls = pollsOf(index, device).map((poll) => ({ ...poll, isAsked: false }));
  const ask = (poll: (typeof polls)[number]): void => {
    if (poll.isAsked) return;
    poll.isAsked = true;
    void get(poll.path).then(() => {
      poll.isAsked = false;
    });
  };
  await listen('/events/stream', (text) => {
    for (const poll of polls) if (text.includes(`event: ${poll.staleBy}\n`)) ask(poll);
  });
  if (index % 20 === 19) await listen(`${base}/tail?perSecond=200`, () => {});
  every(HEALTH_MS, () => void get('/health/live'));
  for (const poll of polls) {
    ask(poll);
    if (poll.everyMs !== null) every(poll.everyMs, () => ask(poll));
  }
}

function every(ms: number, run: () => void): void {
  const timer = setInterval(run, ms);
  close.push(() => clearInterval(timer));
}

const headers = { authorization: `Bearer ${token}` };

/** Resolves when the stream has begun. */
function listen(path: string, take: (text: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = http.get(url + path, { headers }, (response) => {
      if (response.statusCode !== 200) return reject(new Error(`${path}: ${response.statusCode}`));
      got.streams += 1;
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        got.bytes += text.length;
        take(text);
      });
      response.on('error', () => {});
      resolve();
    });
    request.on('error', reject);
    close.push(() => request.destroy());
  });
}

/**
 * Counts the answer, or what came instead. A connection that was kept may just be closing when a question goes out on it: it is
 * then asked once more on a new one, as browsers do.
 */
async function get(path: string): Promise<void> {
  let told = await answerOf(path, agent);
  if (told === CLOSING) told = await answerOf(path, false);
  if (told === '200') got.answers += 1;
  else got.refused[`${path}: ${told}`] = (got.refused[`${path}: ${told}`] ?? 0) + 1;
}

const CLOSING = 'closed before an answer';

/** The status of a whole answer, or why there is none. `false`: on a connection of its own. */
function answerOf(path: string, by: http.Agent | false): Promise<string> {
  return new Promise((resolve) => {
    const request = http.get(url + path, { headers, agent: by }, (response) => {
      response.resume();
      response.on('close', () => resolve(response.complete ? String(response.statusCode) : 'cut'));
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      const isClosing = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
      resolve(isClosing ? CLOSING : (error.code ?? error.message));
    });
  });
}

/** Any that the connection has heard. */
async function someDevice(): Promise<string> {
  const answer = await fetch(`${url}${base}/devices?limit=1`, { headers });
  const [first] = (await answer.json()) as readonly { readonly device: string }[];
  return first?.device ?? '0'.repeat(16);
}

async function open(): Promise<void> {
  got = nothing();
  const device = await someDevice();
  for (let index = 0; index < Number(number); index++) {
    if (kind === 'pages') await openPage(index, device);
    // Half of them want one connection alone: they hear its figures each second as well.
    else await listen(`/events/stream${index % 2 === 0 ? '' : `?connectionId=${CONNECTION}`}`, () => {});
  }
}

console.log('ready');
for await (const line of readline.createInterface({ input: process.stdin })) {
  if (line === 'open') {
    await open();
    console.log('open');
  } else {
    for (const end of close) end();
    close = [];
    console.log(JSON.stringify(got));
  }
}
