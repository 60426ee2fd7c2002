// What a network sends besides device uplinks: its own and the Location Engine's positions, joins, reports, notifications.
import { CUSTOMER_ID, customerData, driverOf, MODEL_CFG, networkTime } from './envelope.ts';
import type { Dice } from './seeded-chance.ts';
import { type Gateway, round, type Tracker } from './tracker.ts';

/** A position that the network computed from arrival times: hundreds of metres; now and then without a radius. */
export function networkLocation(tracker: Tracker, timeMs: number, tags: readonly string[], dice: Dice): object {
  const radius = dice.chance(0.1) ? 0 : dice.whole(180, 1900);
  const off = (radius || 500) / 2 / 111_320;
  const offset = tracker.track.city.offsetMinutes;
  return {
    DevEUI_location: {
      DevEUI: tracker.devEui,
      DevAddr: tracker.devAddr,
      Lrcid: '000000E1',
      NwGeolocAlgo: 2,
      NwGeolocAlgoUsed: 0,
      Time: networkTime(timeMs, offset),
      DevLocTime: networkTime(timeMs - dice.whole(1, 4) * 1000, offset),
      DevLAT: round(tracker.track.lat + dice.bell() * off, 6),
      DevLON: round(tracker.track.lng + dice.bell() * off, 6),
      DevAlt: dice.whole(5, 240),
      DevLocRadius: radius,
      DevAltRadius: 50,
      DevUlFCntUpUsed: tracker.fcntUp,
      CustomerID: CUSTOMER_ID,
      CustomerData: customerData(tracker, tags),
      ModelCfg: MODEL_CFG,
    },
  };
}

/** The Location Engine's answer: no root, the DevEUI in lower case, coordinates as [lng, lat, alt]. */
export function resolvedPosition(tracker: Tracker, timeMs: number, tags: readonly string[], dice: Dice): object {
  const { track } = tracker;
  const time = new Date(timeMs).toISOString();
  const altitude = dice.chance(0.3) ? null : dice.whole(0, 200);
  const coordinates = [round(track.lng, 7), round(track.lat, 7), altitude];
  const age = dice.chance(0.2) ? -1 : dice.whole(0, 400);
  const horizontalAccuracy = dice.chance(0.1) ? 0 : dice.whole(4, 180);
  const gateway = dice.pick(tracker.gateways) as Gateway;
  return {
    deviceEUI: tracker.devEui.toLowerCase(),
    dxProfileId: 'simulated',
    customerId: CUSTOMER_ID,
    modelCfg: MODEL_CFG,
    time,
    coordinates,
    age,
    // PREVIOUS repeats an old place: only its sensors count.
    validityState: dice.chance(0.15) ? 'PREVIOUS' : 'NEW',
    horizontalAccuracy,
    trackerType: 'Simulated tracker',
    processedFeed: {
      SF: dice.whole(7, 12),
      payloadEncoded: dice.hex(16),
      sequenceNumber: tracker.fcntUp,
      receptionTime: time,
      dynamicMotionState: track.moving ? 'MOVING' : 'STATIC',
      temperatureMeasure: round(tracker.temperatureC, 6),
      processedPacket: {
        SNR: 7.25,
        RSSI: dice.whole(-115, -60),
        baseStationId: gateway.id,
        antennaCoordinates: [gateway.lng, gateway.lat],
      },
      port: 18,
    },
    rawPosition: { rawPositionType: 'RawPositionByWifiSolver', coordinates, age, horizontalAccuracy },
    resolvedTracker: {
      messageType: 'POSITION_MESSAGE',
      batteryLevel: Math.round(tracker.battery),
      batteryStatus: tracker.charging ? 'CHARGING' : 'OPERATING',
      trackingMode: 'MOTION_TRACKING',
      periodicPositionInterval: -1,
      sosFlag: false,
    },
    customerData: customerData(tracker, tags),
  };
}

export function joinRequest(tracker: Tracker, timeMs: number, tags: readonly string[], dice: Dice): object {
  const gateway = dice.pick(tracker.gateways) as Gateway;
  return {
    DevEUI_uplink: {
      Time: networkTime(timeMs, tracker.track.city.offsetMinutes),
      DevEUI: tracker.devEui,
      rawJoinRequest: `00${dice.hex(22)}`,
      Lrrid: gateway.id,
      Channel: 'LC2',
      Spfact: 12,
      SubBand: 'G1',
      MType: 0,
      mic_hex: dice.hex(4),
      airtime: 1.482752,
      Late: 0,
      LrrLAT: gateway.lat,
      LrrLON: gateway.lng,
      CustomerID: CUSTOMER_ID,
      CustomerData: customerData(tracker, tags),
      ModelCfg: MODEL_CFG,
      DriverCfg: driverOf(tracker.kind),
    },
  };
}

/** A report on a downlink, or a notification with the battery as the network asked for it: no telemetry either way. */
export function report(tracker: Tracker, timeMs: number, tags: readonly string[], dice: Dice): object {
  const head = {
    Time: networkTime(timeMs, tracker.track.city.offsetMinutes),
    DevEUI: tracker.devEui,
    Lrcid: '000000E1',
    CustomerID: CUSTOMER_ID,
    CustomerData: customerData(tracker, tags),
    ModelCfg: MODEL_CFG,
  };
  if (dice.chance(0.4)) {
    const battery = tracker.charging ? 0 : Math.max(1, Math.round((tracker.battery * 254) / 100));
    return {
      DevEUI_notification: { ...head, DevAddr: tracker.devAddr, Type: 'devstatusans', Var1: battery, Var2: 9 },
    };
  }
  tracker.fcntDn += 1;
  return {
    DevEUI_downlink_Sent: {
      ...head,
      FPort: 2,
      FCntUp: tracker.fcntUp,
      FCntDn: tracker.fcntDn,
      SpFact: 9,
      SubBand: 'G1',
      Channel: 'LC3',
      Lrrid: (dice.pick(tracker.gateways) as Gateway).id,
      DeliveryStatus: dice.chance(0.9) ? 1 : 0,
      DeliveryFailedCause1: '00',
      DeliveryFailedCause2: '00',
      CorrelationID: dice.hex(8).toUpperCase(),
      TransmissionSlot: 1,
    },
  };
}
