// The links that break on purpose: TCP between bridge and broker, TLS between bridge and HERE, and what the wire tells of sessions.
import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Agent, request } from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { HereLink, type HereLinkMode } from '../../src/chaos/here-link.ts';
import { Link } from '../../src/chaos/link.ts';
import { type SessionNews, sessionTap } from '../../src/chaos/mqtt-sessions.ts';
import { until } from '../../src/chaos/wait.ts';

async function echoServer(): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function client(port: number): Promise<{ socket: Socket; got: () => string }> {
  const socket = connect(port, '127.0.0.1');
  let got = '';
  socket.on('data', (chunk) => {
    got += chunk.toString();
  });
  socket.on('error', () => {});
  await once(socket, 'connect');
  onTestFinished(() => {
    socket.destroy();
  });
  return { socket, got: () => got };
}

describe('A link', () => {
  async function started(): Promise<Link> {
    const link = new Link({ targetPort: await echoServer() });
    await link.start();
    onTestFinished(() => link.stop());
    return link;
  }

  test('passes bytes in their order, also while their delay changes', async () => {
    const link = await started();
    const { socket, got } = await client(link.port);
    let sent = '';
    for (let n = 0; n < 40; n++) {
      link.delay([30, 0, 5][n % 3]!);
      sent += `${n},`;
      socket.write(`${n},`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await until(5_000, () => got().length === sent.length, 5)).toBe(true);
    expect(got()).toBe(sent);
  });

  test('cuts what is connected', async () => {
    const link = await started();
    const { socket } = await client(link.port);
    socket.write('x');
    link.cut();
    expect(await until(5_000, () => socket.destroyed, 5)).toBe(true);
  });

  test('freezes what is connected for good, and serves those who come later', async () => {
    const link = await started();
    const old = await client(link.port);
    old.socket.write('a');
    expect(await until(5_000, () => old.got() === 'a', 5)).toBe(true);
    link.freeze(false);
    old.socket.write('b');
    const fresh = await client(link.port);
    fresh.socket.write('c');
    expect(await until(5_000, () => fresh.got() === 'c', 5)).toBe(true);
    link.thaw();
    expect(old.got()).toBe('a');
    expect(old.socket.destroyed).toBe(false);
  });
});

describe('The link to HERE', () => {
  async function started(): Promise<{ link: HereLink; get: () => Promise<number> }> {
    const server: HttpServer = createHttpServer((_, response) => response.writeHead(204).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const link = new HereLink((server.address() as AddressInfo).port);
    await link.start();
    const agent = new Agent({
      connect: { ca: link.certificate.certificate, timeout: 300 },
      bodyTimeout: 300,
      headersTimeout: 300,
    });
    onTestFinished(async () => {
      await agent.destroy();
      await link.stop();
      server.close();
    });
    const get = async (): Promise<number> => {
      const { statusCode, body } = await request(`${link.url}/`, {
        dispatcher: agent,
        signal: AbortSignal.timeout(250),
      });
      await body.text();
      return statusCode;
    };
    return { link, get };
  }

  test('carries TLS with a certificate that its user trusts', async () => {
    const { get } = await started();
    expect(await get()).toBe(204);
  });

  test.each<HereLinkMode>(['noTls', 'stranger', 'silent', 'refuse'])(
    'gives no answer when %s, and works after it',
    async (mode) => {
      const { link, get } = await started();
      expect(await get()).toBe(204);
      link.mode = mode;
      link.cut();
      await expect(get()).rejects.toThrow();
      link.mode = 'pass';
      expect(await until(5_000, async () => (await get()) === 204)).toBe(true);
    },
  );

  test('never answers 204 when it answers garbage', async () => {
    const { link, get } = await started();
    link.mode = 'garbage';
    for (let n = 0; n < 12; n++) expect(await get().catch(() => 0)).not.toBe(204);
  });
});

describe('The wire', () => {
  const CONNECT = Buffer.from([0x10, 16, 0, 4, 77, 81, 84, 84, 4, 0, 0, 3, 0, 4, 98, 45, 110, 49]);
  const PUBLISH = Buffer.concat([Buffer.from([0x32, 0x80 | 44, 4]), Buffer.alloc(556)]);
  const suback = Buffer.from([0x90, 3, 0, 1, 1]);

  function news(...answers: readonly Buffer[]): SessionNews[] {
    const heard: SessionNews[] = [];
    const tap = sessionTap(
      (each) => heard.push(each),
      () => 7,
    );
    // Byte by byte: packets know nothing of chunks.
    for (const byte of CONNECT) tap.toServer(Buffer.from([byte]));
    for (const byte of Buffer.concat(answers)) tap.toClient(Buffer.from([byte]));
    return heard;
  }

  test('tells of a session that was there', () => {
    expect(news(Buffer.from([0x20, 2, 1, 0]), PUBLISH, suback)).toEqual([{ clientId: 'b-n1', kind: 'resumed', at: 7 }]);
  });

  test('tells of one that was made, once it is subscribed', () => {
    const connack = Buffer.from([0x20, 2, 0, 0]);
    expect(news(connack, PUBLISH)).toEqual([]);
    expect(news(connack, PUBLISH, suback, suback)).toEqual([{ clientId: 'b-n1', kind: 'made', at: 7 }]);
  });

  test('tells nothing of a refusal', () => {
    expect(news(Buffer.from([0x20, 2, 0, 5]))).toEqual([]);
  });
});
