// An uplink to begin with: a tracker with a satellite fix, as ThingPark sends it. Made up.
export const EXAMPLE = {
  DevEUI_uplink: {
    Time: '2026-05-04T08:15:30.125+00:00',
    DevEUI: '20635F0101000042',
    FPort: 2,
    FCntUp: 1218,
    payload_hex: '0352a1f400b7',
    DriverCfg: { mod: { pId: 'demo', mId: 'tracker', ver: '1' } },
    payload: {
      messageType: 'POSITION_MESSAGE',
      gpsLatitude: 52.52008,
      gpsLongitude: 13.40495,
      horizontalAccuracy: 12,
      batteryLevel: 87,
      temperatureMeasure: 21.5,
    },
  },
} as const;
