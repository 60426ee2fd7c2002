// Every published ThingPark message goes through the running bridge, in each of its formats: none breaks it, each has its place.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { Ledger } from '../../src/domain/ledger.ts';
import { definition, LocalBridge, settledLedger, temporaryFolder, untilState, useBroker } from '../support/bridge.ts';
import { BrokerClient } from '../support/broker-client.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';

const FORMATS = {
  enveloped: {},
  flat: { sendMetadata: true },
  decoded: { sendRawDecodedFormat: true },
} as const;

const columns = ({ delivered, expired, filtered, skipped, deadLettered }: Ledger) =>
  JSON.stringify({ delivered, expired, filtered, skipped, deadLettered });

describeWith('corpus', 'the corpus of published messages', (folder) => {
  test('goes through the bridge: every message is accounted for, and HERE refuses none of the records', async () => {
    const file = path.join(folder, 'thingpark-messages.json');
    const corpus = JSON.parse(readFileSync(file, 'utf8')) as { message: unknown; source: string; note: string }[];
    const sandbox = await useSandbox();
    const broker = await useBroker('embedded');
    const bridge = await LocalBridge.start({
      dataDir: temporaryFolder(),
      broker,
      services: { sandbox: { url: sandbox.url } },
    });
    const { email, password } = sandbox;
    for (const [id, format] of Object.entries(FORMATS)) {
      await bridge.apply(id, definition({ email, password, appId: sandbox.appIds[0], ...format }));
      await untilState(bridge, id, 'OPENED');
    }
    const client = await BrokerClient.connect(broker.url);
    for (const { message } of corpus) await client.publish('mqtt/things/corpus/uplink', JSON.stringify(message));

    for (const id of Object.keys(FORMATS)) {
      const { ledger } = await settledLedger(bridge, id, corpus.length);
      console.log(`${id}: ${ledger.received} messages: ${columns(ledger)}`);
      expect(ledger.received).toBe(corpus.length);
      expect(ledger.expired).toEqual({});
      // Unreadable ones may be among them; what HERE's rules do not allow must not have been sent.
      expect(ledger.deadLettered).not.toHaveProperty('refused');
      expect(ledger.delivered).toBeGreaterThan(corpus.length / 2);
    }
    // Nothing went wrong but what events tell of: the message without a device is one of the dead letters.
    const wrong = bridge.log
      .map((line) => JSON.parse(line))
      .filter(({ level }) => level === 'error' || level === 'fatal');
    expect(wrong.filter(({ event }) => event !== 'uplinksDeadLettered')).toEqual([]);
  });
});
