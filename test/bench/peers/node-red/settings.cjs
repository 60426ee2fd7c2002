// Node-RED's settings of the comparison. `process.env` is the bench's.
module.exports = {
  flowFile: 'flows.json',
  // No editor, no API, no server of its own: nobody looks at it.
  httpAdminRoot: false,
  httpNodeRoot: false,
  uiHost: '127.0.0.1',
  uiPort: 0,
  // The flows have nothing secret; without a key Node-RED would make one and write it.
  credentialSecret: false,
  // As long as the others wait for an answer.
  httpRequestTimeout: 10_000,
  mqttReconnectTime: 1_000,
  // Lines cost time; each failed request would write one.
  logging: { console: { level: 'fatal', metrics: false, audit: false } },
  diagnostics: { enabled: false },
  runtimeState: { enabled: false },
  telemetry: { enabled: false },
};
