// The floor of the stack: mqtt.js with QoS 1 that parses each message and does nothing else. A program of its own, so that
// its CPU time can be read. Lines on standard input: `drain N` connects and tells when N messages were parsed.
import readline from 'node:readline';
import mqtt from 'mqtt';

const [url = '', clientId = ''] = process.argv.slice(2);

async function subscribe(): Promise<void> {
  const client = await mqtt.connectAsync(url, { clientId, clean: false, reconnectPeriod: 0 });
  await client.subscribeAsync('bare/+/uplink', { qos: 1 });
  await client.endAsync();
}

function drain(count: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let parsed = 0;
    let startedAt = 0;
    const client = mqtt.connect(url, { clientId, clean: false, reconnectPeriod: 0 });
    client.on('error', reject);
    client.on('message', (_topic, payload) => {
      if (parsed === 0) startedAt = performance.now();
      const uplink = JSON.parse(payload.toString()) as { DevEUI_uplink?: unknown };
      if (uplink !== null) parsed += 1;
      if (parsed === count) {
        const ms = performance.now() - startedAt;
        setTimeout(() => client.end(false, {}, () => resolve(ms)), 50);
      }
    });
  });
}

await subscribe();
console.log('ready');
for await (const line of readline.createInterface({ input: process.stdin })) {
  const count = Number(line.split(' ')[1]);
  console.log(JSON.stringify({ ms: await drain(count) }));
}
