// A Kafka that its clients reach only through a TCP proxy, whatever addresses it names to them; tests look past the proxy.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Admin } from 'kafkajs';
import { afterAll, beforeAll } from 'vitest';
import { createKafkaClient } from '../../src/brokers/kafka-client.ts';
import { freePort } from './free-port.ts';
import { formatKafka, type KafkaProcess, kafkaProperties, runKafka } from './kafka-jars.ts';
import { kafkaOptions } from './kafka-options.ts';
import { TcpProxy } from './tcp-proxy.ts';

const START_MS = 120_000;

interface ProxiedKafka {
  readonly proxy: TcpProxy;
  /** Addresses: through the proxy, and past it. */
  readonly proxied: string;
  readonly direct: string;
  readonly admin: Admin;
}

/** One for all tests of a suite. */
export function useProxiedKafka(): () => ProxiedKafka {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bridge-proxied-'));
  let server: KafkaProcess | null = null;
  let found: ProxiedKafka | null = null;

  beforeAll(async () => {
    const [port, direct, controller] = [await freePort(), await freePort(), await freePort()];
    const proxy = await TcpProxy.start(port);
    const listeners = (client: number): string => `CLIENT://127.0.0.1:${client},DIRECT://127.0.0.1:${direct}`;
    const properties = kafkaProperties(port, controller, {
      listeners: `${listeners(port)},CONTROLLER://127.0.0.1:${controller}`,
      'advertised.listeners': listeners(proxy.port),
      'inter.broker.listener.name': 'DIRECT',
      'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,CLIENT:PLAINTEXT,DIRECT:PLAINTEXT',
    });
    formatKafka(path.join(folder, 'kafka'), properties);
    server = runKafka(path.join(folder, 'kafka'));
    const admin = createKafkaClient(kafkaOptions(`127.0.0.1:${direct}`, { retries: 8 })).admin();
    for (const end = Date.now() + START_MS; ; await new Promise((resolve) => setTimeout(resolve, 300))) {
      try {
        await admin.connect();
        await admin.fetchOffsets({ groupId: 'warm-up' });
        break;
      } catch (error) {
        if (Date.now() > end) throw error;
      }
    }
    found = { proxy, proxied: `127.0.0.1:${proxy.port}`, direct: `127.0.0.1:${direct}`, admin };
  }, START_MS);

  afterAll(async () => {
    await found?.admin.disconnect();
    await found?.proxy.stop();
    server?.kill();
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  return () => found as ProxiedKafka;
}
