// A Kafka with log-ins and rights, for all tests of one suite: SASL in the clear, users `admin`, `bridge` and `granted`.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { createKafkaClient } from '../../src/brokers/kafka-client.ts';
import { freePort } from './free-port.ts';
import { formatKafka, type KafkaProcess, kafkaProperties, runKafka } from './kafka-jars.ts';
import { kafkaOptions } from './kafka-options.ts';

type Mechanism = 'plain' | 'scram-sha-256' | 'scram-sha-512';

const START_MS = 120_000;
const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule';
const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule';

/** `bridge` may write to `open` and read it, and see `closed`; `granted` has no rights before a test gives it some. */
export function useSecuredKafka() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bridge-secured-'));
  let server: KafkaProcess | null = null;
  const at = { port: 0 };

  const login = (username: string, password: string, mechanism: Mechanism = 'plain') => ({
    username,
    password,
    sasl: { mechanism, tokenUrl: null, tokenScope: null, tokenFile: null },
  });
  const admin = () =>
    createKafkaClient(kafkaOptions(`127.0.0.1:${at.port}`, { retries: 8, ...login('admin', 'admin-secret') }));

  beforeAll(async () => {
    at.port = await freePort();
    const properties = kafkaProperties(at.port, await freePort(), {
      'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,CLIENT:SASL_PLAINTEXT',
      'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
      'sasl.mechanism.inter.broker.protocol': 'PLAIN',
      'listener.name.client.plain.sasl.jaas.config': `${plain} required username="admin" password="admin-secret" user_admin="admin-secret" user_bridge="bridge-secret" user_granted="granted-secret";`,
      'listener.name.client.scram-sha-256.sasl.jaas.config': `${scram} required;`,
      'listener.name.client.scram-sha-512.sasl.jaas.config': `${scram} required;`,
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:admin;User:ANONYMOUS',
    });
    const users = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map(
      (mechanism) => `${mechanism}=[name=bridge,password=bridge-secret]`,
    );
    formatKafka(path.join(folder, 'kafka'), properties, users);
    server = runKafka(path.join(folder, 'kafka'));
    for (const end = Date.now() + START_MS; ; await new Promise((resolve) => setTimeout(resolve, 300))) {
      const client = admin().admin();
      try {
        await client.connect();
        for (const topic of ['open', 'closed']) await client.createTopics({ topics: [{ topic, numPartitions: 1 }] });
        const allow = (resourceType: number, resourceName: string, operation: number) => ({
          ...{ resourceType, resourceName, resourcePatternType: 3, principal: 'User:bridge', host: '*', operation },
          permissionType: 3,
        });
        // Topic 2, group 3; Read 3, Write 4, Describe 8. The right to write to any topic is that of an idempotent producer.
        await client.createAcls({
          acl: [allow(2, 'open', 3), allow(2, 'open', 4), allow(2, 'closed', 8), allow(3, 'allowed', 3)],
        });
        break;
      } catch (error) {
        if (Date.now() > end) throw error;
      } finally {
        await client.disconnect();
      }
    }
  }, START_MS);

  afterAll(() => {
    server?.kill();
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  return { admin, login, at };
}
