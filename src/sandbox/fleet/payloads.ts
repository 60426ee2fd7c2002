// What each kind of tracker says: decoded payload and `points` in the shapes of ThingPark's drivers, values made up.
// `payload_hex` is only of a plausible length: nothing decodes it.
import type { Dice } from './seeded-chance.ts';
import { round, type Tracker } from './tracker.ts';
import { accessPointsNear } from './wifi.ts';

export interface Content {
  readonly fPort: number;
  readonly payloadHex: string;
  /** Absent where the driver gives only `points`. */
  readonly payload?: Readonly<Record<string, unknown>>;
  readonly points?: Readonly<Record<string, unknown>>;
}

export interface Moment {
  /** ms since the epoch: when the network received the frame. */
  readonly timeMs: number;
  /** The receiver found no place. */
  readonly fixFailed: boolean;
}

const DEGREE_DIGITS = 7;
const NO_TRIGGERS = {
  geoTriggerPod: 0,
  geoTriggerSos: 0,
  geoTriggerMotionStart: 0,
  geoTriggerMotionStop: 0,
  geoTriggerInMotion: 0,
  geoTriggerInStatic: 0,
  geoTriggerShock: 0,
  geoTriggerTempHighThreshold: 0,
  geoTriggerTempLowThreshold: 0,
  geoTriggerGeozoning: 0,
};

export function contentOf(tracker: Tracker, moment: Moment, dice: Dice): Content {
  switch (tracker.kind) {
    case 'assetTracker2':
      return assetTracker2(tracker, moment, dice);
    case 'assetTracker3':
      return assetTracker3(tracker, moment, dice);
    case 'badge':
      return badge(tracker, moment, dice);
    case 'climate':
      return climate(tracker, dice);
    case 'wifi':
      return wifi(tracker, dice);
  }
}

interface Fix {
  readonly lat: number;
  readonly lng: number;
  readonly accuracyM: number;
  readonly altitudeM: number;
  /** 0.01 degree and cm/s, as these trackers count. */
  readonly course: number;
  readonly speedCms: number;
  readonly ageS: number;
}

/** A satellite fix: off by about its accuracy, which is poor right after a cold start. */
function fixOf(tracker: Tracker, dice: Dice): Fix {
  const { track } = tracker;
  const accuracyM = dice.between(3, tracker.coldFrames > 0 ? 140 : 28);
  const off = accuracyM / 2 / 111_320;
  return {
    lat: round(track.lat + dice.bell() * off, DEGREE_DIGITS),
    lng: round(track.lng + dice.bell() * off, DEGREE_DIGITS),
    accuracyM: round(accuracyM, 2),
    altitudeM: round(dice.between(8, 260), 2),
    course: Math.round(track.heading * 100) % 36_000,
    speedCms: Math.round(track.speed * 100),
    ageS: dice.chance(0.6) ? 0 : dice.whole(1, 60),
  };
}

function assetTracker2(tracker: Tracker, moment: Moment, dice: Dice): Content {
  const moving = tracker.track.moving;
  const payloadHex = dice.hex(13);
  const common = {
    trackingMode: 'MOTION_TRACKING',
    batteryLevel: Math.round(tracker.battery),
    batteryStatus: tracker.charging ? 'CHARGING' : 'OPERATING',
    ackToken: dice.whole(0, 15),
    periodicPosition: false,
    temperatureMeasure: round(tracker.temperatureC, 1),
    sosFlag: dice.chance(0.001) ? 1 : 0,
    appState: 1,
    dynamicMotionState: moving ? 'MOVING' : 'STATIC',
    onDemand: false,
    payload: payloadHex,
    deviceConfiguration: { mode: 'MOTION_TRACKING' },
  };
  const points: Record<string, unknown> = {
    batteryLevel: { unitId: '%', record: common.batteryLevel },
    temperature: { unitId: 'Cel', record: common.temperatureMeasure },
  };
  if (moment.fixFailed) {
    const payload = {
      messageType: 'POSITION_MESSAGE',
      rawPositionType: 'GPS_TIMEOUT',
      timeoutCause: 'USER_TIMEOUT',
      bestSatellitesCOverN: { firstBestSatellite: dice.whole(0, 21), secondBestSatellite: dice.whole(0, 18) },
      ...common,
    };
    return { fPort: 18, payloadHex, payload, points };
  }
  if (dice.chance(0.06)) {
    const payload = {
      messageType: 'HEARTBEAT',
      firmwareVersion: '2.6.0',
      bleFirmwareVersion: '3.3.5',
      resetCause: 64,
      ...common,
    };
    return { fPort: 18, payloadHex, payload, points };
  }
  const fix = fixOf(tracker, dice);
  points.location = { unitId: 'GPS', record: [fix.lng, fix.lat] };
  points.accuracy = { unitId: 'm', record: fix.accuracyM };
  points.age = { unitId: 's', record: fix.ageS };
  const place = { gpsLatitude: fix.lat, gpsLongitude: fix.lng, horizontalAccuracy: fix.accuracyM, age: fix.ageS };
  if (dice.chance(0.5)) {
    const payload = { messageType: 'POSITION_MESSAGE', rawPositionType: 'GPS', ...place, ...common };
    return { fPort: 18, payloadHex, payload, points };
  }
  const payload = {
    ...place,
    gpsAltitude: fix.altitudeM,
    gpsCourseOverGround: fix.course,
    gpsSpeedOverGround: fix.speedCms,
    gpsFixStatus: 'FIX_3D',
    gpsPayloadType: 0,
    messageType: 'EXTENDED_POSITION_MESSAGE',
    rawPositionType: 'GPS',
    ...common,
  };
  points.altitude = { unitId: 'm', record: fix.altitudeM };
  points.speed = { unitId: 'm/s', record: round(fix.speedCms / 100, 2) };
  return { fPort: 18, payloadHex, payload, points };
}

function assetTracker3(tracker: Tracker, moment: Moment, dice: Dice): Content {
  const moving = tracker.track.moving;
  const fix = fixOf(tracker, dice);
  const level = tracker.charging ? 'CHARGING' : Math.round(tracker.battery);
  const header = {
    ackToken: dice.whole(0, 7),
    multiFrame: false,
    batteryLevel: level,
    sos: false,
    timestamp: new Date(Math.floor((moment.timeMs - fix.ageS * 1000) / 1000) * 1000).toISOString(),
    type: 'POSITION',
  };
  const payloadHex = dice.hex(24);
  const triggers = { ...NO_TRIGGERS, [moving ? 'geoTriggerInMotion' : 'geoTriggerInStatic']: 1 };
  const state = { motion: moving ? 1 : 0, motionCounter: dice.whole(0, 9), positionType: 'GNSS', triggers };
  const points: Record<string, unknown> = {};
  if (level !== 'CHARGING') points.batteryLevel = { unitId: '%', record: level };
  if (moment.fixFailed) {
    const payload = { header, payload: payloadHex, position: { ...state, status: 'TIMEOUT' } };
    return { fPort: 19, payloadHex, payload, points };
  }
  points.location = { unitId: 'GPS', record: [fix.lng, fix.lat] };
  points.altitude = { unitId: 'm', record: Math.round(fix.altitudeM) };
  const gnssFix = {
    latitude: fix.lat,
    longitude: fix.lng,
    altitude: Math.round(fix.altitudeM),
    COG: fix.course,
    SOG: fix.speedCms,
    EHPE: Math.max(1, Math.round(fix.accuracyM)),
    quality: { fixQuality: 'FIX_3D', numberSatellitesUsed: dice.whole(4, 14) },
  };
  const place = { coordinates: [fix.lng, fix.lat, Math.round(fix.altitudeM)], gnssFix };
  const payload = { header, payload: payloadHex, position: { ...place, ...state, status: 'SUCCESS' } };
  return { fPort: 19, payloadHex, payload, points };
}

/** A small badge whose driver gives `points` and hardly any payload; its receiver counts in five decimals. */
function badge(tracker: Tracker, moment: Moment, dice: Dice): Content {
  const points: Record<string, unknown> = {
    'batteryLevel:1': { unitId: '%', type: 'double', record: Math.round(tracker.battery) },
  };
  if (!moment.fixFailed) {
    const fix = fixOf(tracker, dice);
    const record = [round(fix.lng, 5), round(fix.lat, 5)];
    const eventTime = dice.chance(0.5) ? new Date(moment.timeMs - fix.ageS * 1000).toISOString() : null;
    points[dice.chance(0.3) ? 'coordinates:1' : 'location'] = { unitId: 'GPS', record, eventTime };
    points.accuracy = { unitId: 'm', record: fix.accuracyM };
  }
  const payload = { event: tracker.track.moving ? 'walk' : 'rest', steps: dice.whole(0, 900) };
  return { fPort: 2, payloadHex: dice.hex(11), payload, points };
}

function climate(tracker: Tracker, dice: Dice): Content {
  const temperature = round(tracker.temperatureC, 1);
  const humidity = Math.round(tracker.humidity);
  const payload = { temperature, humidity, vdd: 3000 + Math.round(tracker.battery * 6) };
  const points = {
    temperature: { unitId: 'Cel', type: 'double', record: temperature },
    humidity: { unitId: '%RH', type: 'double', record: humidity },
    batteryLevel: { unitId: '%', type: 'double', record: round(tracker.battery, 2) },
  };
  return { fPort: 5, payloadHex: dice.hex(9), payload, points };
}

/** No satellite receiver: it names the access points around it. */
function wifi(tracker: Tracker, dice: Dice): Content {
  const payloadHex = dice.hex(34);
  const wifiBssids = accessPointsNear(tracker.track.lat, tracker.track.lng, dice);
  const batteryLevel = Math.round(tracker.battery);
  const payload = {
    messageType: 'POSITION_MESSAGE',
    rawPositionType: 'WIFI_BSSIDS_WITH_NO_CYPHER',
    wifiBssids,
    age: 0,
    trackingMode: 'PERMANENT_TRACKING',
    batteryLevel,
    batteryStatus: tracker.charging ? 'CHARGING' : 'OPERATING',
    dynamicMotionState: tracker.track.moving ? 'MOVING' : 'STATIC',
    temperatureMeasure: round(tracker.temperatureC, 1),
    payload: payloadHex,
  };
  return { fPort: 18, payloadHex, payload, points: { batteryLevel: { unitId: '%', record: batteryLevel } } };
}
