// A TCP port of the loopback interface that was free a moment ago: for servers that cannot be told to choose one.
import { createServer } from 'node:net';

/**
 * Below the ports that systems give to outgoing connections and to port 0 (Linux: from 32,768 on), where one that was free may be
 * taken before the server has it, by anything that runs beside it.
 */
const FIRST = 20_000;
const COUNT = 12_000;
const TRIES = 100;

/** Rejects where every port that was tried is in use, or none may be opened. */
export async function freePort(): Promise<number> {
  for (let left = TRIES; ; left -= 1) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    const error = await opened(port);
    if (error === null) return port;
    if (left <= 1 || error.code !== 'EADDRINUSE') throw error;
  }
}

function opened(port: number): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', resolve);
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(null)));
  });
}
