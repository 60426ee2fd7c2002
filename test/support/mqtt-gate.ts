// A TCP proxy before an MQTT broker that knows publishes and their acknowledgements, so that a test can stop the world between
// the two: what a client publishes on certain topics, and the broker's word on it, can be watched and held back.
import { connect, createServer, type Server, type Socket } from 'node:net';

const PUBLISH = 3;
const PUBACK = 4;

export interface GateRules {
  /** Publishes on these topics are looked at. */
  readonly topic: RegExp;
  /** False: it does not go to the broker. */
  onPublish(topic: string): boolean;
  /** The broker has acknowledged one. False: the client does not hear of it. */
  onAck(topic: string): boolean;
}

interface Packet {
  readonly type: number;
  readonly bytes: Buffer;
  /** After the fixed header. */
  readonly body: Buffer;
}

export class MqttGate {
  /** null: everything passes. */
  rules: GateRules | null = null;
  readonly #targetPort: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = createServer((client) => this.#join(client));
  }

  static async before(url: string): Promise<MqttGate> {
    const gate = new MqttGate(Number(new URL(url).port));
    await new Promise<void>((resolve) => gate.#server.listen(0, '127.0.0.1', resolve));
    return gate;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #join(client: Socket): void {
    const broker = connect(this.#targetPort, '127.0.0.1');
    for (const socket of [client, broker]) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => {
        this.#sockets.delete(socket);
        client.destroy();
        broker.destroy();
      });
    }
    const watched = new Map<number, string>();
    follow(client, ({ type, bytes, body }) => {
      if (type === PUBLISH && this.#holds(bytes, body, watched)) return;
      broker.write(bytes);
    });
    follow(broker, ({ type, bytes, body }) => {
      const topic = type === PUBACK ? watched.get(body.readUInt16BE(0)) : undefined;
      if (topic !== undefined && this.rules?.onAck(topic) === false) return;
      client.write(bytes);
    });
  }

  #holds(bytes: Buffer, body: Buffer, watched: Map<number, string>): boolean {
    const length = body.readUInt16BE(0);
    const topic = body.toString('utf8', 2, 2 + length);
    const qos = ((bytes[0] as number) >> 1) & 3;
    if (qos === 0 || this.rules?.topic.test(topic) !== true) return false;
    watched.set(body.readUInt16BE(2 + length), topic);
    return !this.rules.onPublish(topic);
  }
}

/** Whole packets, in their order. */
function follow(socket: Socket, take: (packet: Packet) => void): void {
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const header = lengthOf(rest);
      if (header === null || rest.length < header.at + header.length) return;
      const end = header.at + header.length;
      const bytes = rest.subarray(0, end);
      take({ type: (bytes[0] as number) >> 4, bytes, body: bytes.subarray(header.at) });
      rest = rest.subarray(end);
    }
  });
}

/** MQTT's variable length: seven bits a byte. null: not all of it is there. */
function lengthOf(bytes: Buffer): { readonly at: number; readonly length: number } | null {
  let length = 0;
  for (let at = 1; at < 5; at++) {
    const byte = bytes[at];
    if (byte === undefined) return null;
    length += (byte & 127) << (7 * (at - 1));
    if (byte < 128) return { at: at + 1, length };
  }
  throw new Error('this is no MQTT');
}
