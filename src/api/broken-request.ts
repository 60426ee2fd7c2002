// The answer to what is no HTTP request, or one too large to be read: it reaches no route, so it is written by hand.
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { PROBLEM_TYPE, problem } from './problem.ts';

export function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  // Hung up on, or an answer is under way already.
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const words = {
    400: 'This is no HTTP/1.1 request',
    408: 'The request took too long to come',
    431: 'The address and the headers of a request may be 16 KiB together',
  }[status] as string;
  const body = JSON.stringify(problem(status, words));
  if (socket.writable && socket.bytesWritten === 0) {
    socket.write(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: ${PROBLEM_TYPE}\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    );
  }
  socket.destroySoon();
}
