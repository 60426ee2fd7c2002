import { afterEach } from 'vitest';
import { createMqttBroker, type MqttBrokerOptions } from '../../src/brokers/mqtt.ts';
import type { Broker, SourceOptions, UplinkSource } from '../../src/domain/ports/broker.ts';
import { systemChance, systemClock } from '../../src/ops/clock.ts';
import { Mosquitto, type MosquittoOptions } from '../support/mosquitto.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { outside, type RecordingListener } from './outside.ts';

export const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

export async function mosquitto(options?: MosquittoOptions): Promise<Mosquitto> {
  const server = await Mosquitto.start(options);
  cleanUps.push(() => server.remove());
  return server;
}

export async function proxy(server: Mosquitto): Promise<TcpProxy> {
  const started = await TcpProxy.start(server.port);
  cleanUps.push(() => started.stop());
  return started;
}

export function broker(url: string, options: Partial<MqttBrokerOptions> = {}): Broker {
  return createMqttBroker({
    name: 'broker',
    url,
    clock: systemClock,
    chance: systemChance,
    reconnect: { minMs: 20, maxMs: 100 },
    ...options,
  });
}

export function source(of: Broker, listener: RecordingListener, options: Partial<SourceOptions> = {}): UplinkSource {
  const opened = of.openSource({ clientId: 'source', topics: ['up/#'], expectSession: false, ...options }, listener);
  cleanUps.push(() => {
    listener.holding = false;
    listener.settle();
    return opened.stop();
  });
  opened.start();
  return opened;
}

export async function send(url: string, texts: readonly string[]): Promise<void> {
  const sender = await outside(url);
  await Promise.all(texts.map((text) => sender.publishAsync('up/a', text, { qos: 1 })));
  await sender.endAsync();
}

export const numbered = (count: number): string[] => Array.from({ length: count }, (_, at) => `message ${at}`);
