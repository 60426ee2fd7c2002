// Small things that the composition root needs: a broker by name, the proxy, the version.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Config } from '../config/config.ts';
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { Broker } from '../domain/ports/broker.ts';
import type { ProxySettings } from '../here/options.ts';
import type { Brokers } from './brokers.ts';

export function brokerNamed(brokers: Pick<Brokers, 'get' | 'names'>, name: string): Broker {
  const broker = brokers.get(name);
  if (broker !== null) return broker;
  throw new BridgeError('unknownBroker', `there is no broker "${name}"; there are: ${brokers.names.join(', ')}`, {
    exitCode: EXIT.config,
  });
}

export function proxySettings({ here: { proxy } }: Config): ProxySettings | null {
  if (proxy.httpUrl === null && proxy.httpsUrl === null) return null;
  return { httpProxy: proxy.httpUrl, httpsProxy: proxy.httpsUrl, noProxy: proxy.noProxy ?? '', loopbackToo: false };
}

export function versionOf(): string {
  const text = readFileSync(path.join(import.meta.dirname, '../../package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
