// The body of the first function node: an uplink becomes a record, 500 records become a request.
// The batch is kept in the node's context, which is memory; one look-up a message is the least that Node-RED allows.
const MOST = 500; // The bridge's own bound of a request.
const LINGER_MS = 20; // How long the last ones of a lull wait.

// Parted as the bridge parts it: what the record's other fields say, and what does not fit into HERE's 1,000 bytes, stays out of
// its payload. Which fields those are is known here; the bridge finds it out for each uplink.
const { DevEUI, Time, points, DriverCfg, ModelCfg, payload_hex, ...rest } = msg.payload.DevEUI_uplink;
const fix = points['coordinates:1']?.record;
const { pId: manufacturer, mId: model } = DriverCfg.mod;
const record = {
  id: DevEUI,
  timestamp: Date.parse(Time),
  position: fix ? { lat: fix[1], lng: fix[0], accuracy: points.accuracy?.record ?? 0, type: 'gnss' } : undefined,
  system: {
    client: { manufacturer, model },
    reportedSensorData: {
      batteryLevel: Math.round((points['batteryLevel:1'] ?? points.batteryLevel)?.record),
      temperatureC: points.temperature?.record,
      relativeHumidity: points.humidity?.record,
    },
  },
  payload: { DevEUI_uplink: rest },
};

// Each record is written as text once: the request is those texts joined, as in the bridge.
const batch = context.get('batch') ?? { records: [], timer: null };
if (batch.records.push(JSON.stringify(record)) >= MOST) flush();
else if (batch.timer === null) {
  batch.timer = setTimeout(flush, LINGER_MS);
  // In memory: the same object from then on.
  context.set('batch', batch);
}

function flush() {
  clearTimeout(batch.timer);
  const data = batch.records;
  batch.records = [];
  batch.timer = null;
  const body = `{"appId":"${env.get('HERE_APP_ID')}","data":[${data.join(',')}]}`;
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${env.get('HERE_TOKEN')}` };
  // `body` stays with the message: the answer takes the place of `payload`, and what failed is sent again.
  node.send({ payload: body, body, headers });
}
