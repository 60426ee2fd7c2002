// The bridge's job as a flow of Node-RED: MQTT in → function (maps and batches) → HTTP request → function (sends again what failed).
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Job } from './contenders.ts';

const here = path.join(import.meta.dirname, 'node-red');

/** Writes the flow and its settings into a folder; the arguments that Node-RED is started with. */
export function writeFlow(folder: string, { brokerUrl, hereUrl }: Job): readonly string[] {
  mkdirSync(folder, { recursive: true });
  copyFileSync(path.join(here, 'settings.cjs'), path.join(folder, 'settings.cjs'));
  writeFileSync(path.join(folder, 'flows.json'), JSON.stringify(flow(brokerUrl, `${hereUrl}/v3/batch`)));
  return ['--userDir', folder, '--settings', path.join(folder, 'settings.cjs')];
}

function flow(brokerUrl: string, batchUrl: string): readonly object[] {
  const { hostname, port } = new URL(brokerUrl);
  const body = (name: string): string => readFileSync(path.join(here, name), 'utf8');
  return [
    { id: 'tab', type: 'tab', label: 'HERE Tracking' },
    {
      ...{
        id: 'broker',
        type: 'mqtt-broker',
        broker: hostname,
        port,
        usetls: false,
        protocolVersion: '4',
        keepalive: '60',
      },
      // A name of its own and a session that stays: what is published while Node-RED is away waits for it.
      ...{ clientid: 'node-red', cleansession: false, autoUnsubscribe: false, autoConnect: true },
    },
    {
      ...{ id: 'in', type: 'mqtt in', z: 'tab', broker: 'broker', topic: 'node-red/+/uplink', inputs: 0 },
      // QoS 1, as the others. `json`: parsed by the node itself, so that the function does not parse again.
      ...{ qos: '1', datatype: 'json', nl: false, rap: false, rh: 0, wires: [['map']] },
    },
    { ...functionNode('map', body('map-and-batch.js')), wires: [['post']] },
    {
      ...{ id: 'post', type: 'http request', z: 'tab', method: 'POST', url: batchUrl, ret: 'txt', paytoqs: 'ignore' },
      // `persist`: connections are kept alive. `senderr` false: a failed request goes on along the wire, to be sent again.
      ...{ persist: true, senderr: false, authType: '', headers: [], wires: [['again']] },
    },
    { ...functionNode('again', body('send-again.js')), wires: [['post']] },
  ];
}

function functionNode(id: string, func: string): object {
  return {
    id,
    type: 'function',
    z: 'tab',
    func,
    outputs: 1,
    timeout: 0,
    noerr: 0,
    initialize: '',
    finalize: '',
    libs: [],
  };
}
