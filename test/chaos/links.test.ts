// The links that break on purpose: TCP between bridge and broker, TLS between bridge and HERE, and what the wire tells of sessions.
import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Agent, request } from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { HandedOver } from '../../src/chaos/handed-over.ts';
import { HereLink, type HereLinkMode } from '../../src/chaos/here-link.ts';
import { Link } from '../../src/chaos/link.ts';
import { isSessionOf, type SessionNews, sessionTap, type WireListener } from '../../src/chaos/mqtt-sessions.ts';
import { until } from '../../src/chaos/wait.ts';
import { sessionNames } from '../../src/connections/session-names.ts';

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

  function pass(listener: WireListener, connect: Buffer, answers: readonly Buffer[]): void {
    const tap = sessionTap(listener, () => 7);
    // Byte by byte: packets know nothing of chunks.
    for (const byte of connect) tap.toServer(Buffer.from([byte]));
    for (const byte of Buffer.concat(answers)) tap.toClient(Buffer.from([byte]));
  }

  function news(...answers: readonly Buffer[]): SessionNews[] {
    const heard: SessionNews[] = [];
    pass({ onSession: (each) => heard.push(each), onPublish: () => {} }, CONNECT, answers);
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

  describe('counts what was handed over', () => {
    const connack = Buffer.from([0x20, 2, 0, 0]);

    function packet(first: number, ...parts: readonly Buffer[]): Buffer {
      const body = Buffer.concat(parts);
      const length = body.length < 128 ? [body.length] : [(body.length % 128) | 128, body.length >> 7];
      return Buffer.concat([Buffer.from([first, ...length]), body]);
    }

    function text(value: string): Buffer {
      return Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value)]);
    }

    function handedOver(clientId: string, level: 4 | 5, ...answers: readonly Buffer[]): HandedOver {
      const all = new HandedOver();
      const listener: WireListener = { onSession: () => {}, onPublish: (client, topic) => all.count(client, topic) };
      // Level 5: a Session Expiry Interval.
      const properties = level === 5 ? [5, 0x11, 255, 255, 255, 255] : [];
      const connect = packet(0x10, text('MQTT'), Buffer.from([level, 0, 0, 3, ...properties]), text(clientId));
      pass(listener, connect, answers);
      return all;
    }

    function uplink(topic: string, { level = 4, dup = false }: { level?: 4 | 5; dup?: boolean } = {}): Buffer {
      const id = Buffer.from(level === 5 ? [0, 1, 0] : [0, 1]);
      return packet(dup ? 0x3a : 0x32, text(topic), id, Buffer.alloc(700, 'x'));
    }

    test.each([4, 5] as const)('each copy of a connection, as its session gets it (level %i)', (level) => {
      const topic = 'chaos/north/0123/uplink';
      const copies = [uplink(topic, { level }), uplink(topic, { level, dup: true }), uplink(topic, { level })];
      const all = handedOver('here-bridge-0a1b2c3d-north~2', level, connack, ...copies);
      expect([all.to('north'), all.to('south')]).toEqual([3, 0]);
    });

    test('nothing else: other topics, other clients, what is cut short', () => {
      const session = 'here-bridge-0a1b2c3d-north';
      const others = ['chaos/north/0123/downlink', 'chaos/south/0123/uplink', 'here-bridge/status/north', 'chaos'];
      const cut = uplink('chaos/north/0123/uplink').subarray(0, -1);
      expect(handedOver(session, 4, connack, ...others.map((topic) => uplink(topic)), cut).to('north')).toBe(0);
      const stranger = handedOver('here-bridge-table-1', 4, connack, uplink('chaos/north/0123/uplink'));
      expect(stranger.to('north')).toBe(0);
    });

    test('by the names that the bridge gives its sessions', () => {
      const name = sessionNames('here-bridge');
      expect([0, 1, 12].map((generation) => isSessionOf('north', name('north', generation)))).toEqual([
        true,
        true,
        true,
      ]);
      expect(isSessionOf('south', name('north', 1))).toBe(false);
    });
  });

  test('tells nothing of a refusal', () => {
    expect(news(Buffer.from([0x20, 2, 0, 5]))).toEqual([]);
  });
});
