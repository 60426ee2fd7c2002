// What a person should hear of a frame that goes its way all the same. Told once per key.
import type { UplinkNotice } from '../../domain/uplink.ts';
import type { Frame } from '../envelopes/frame.ts';

/** null: nothing, as of nearly every frame. */
export function noticeOf(frame: Frame): UplinkNotice | null {
  if (frame.decodeError !== null) return decodeFailure(frame.decodeError, modelOf(frame));
  const state = frame.located === null ? null : frame.located.unknownState;
  if (state !== null) {
    return {
      kind: 'unknownValidityState',
      key: `unknownValidityState ${state}`,
      message: `Positions with validityState "${state}" are taken for old ones: only their sensor values are sent.`,
    };
  }
  if (frame.kind !== 'uplink' || frame.decoded !== null || frame.points !== null) return null;
  const model = modelOf(frame);
  return {
    kind: 'noDecodedPayload',
    key: `noDecodedPayload ${model}`,
    message: `No decoded payload from ${model}: switch on the driver in your network.`,
  };
}

export function otherInTopic(device: string, topic: string): UplinkNotice {
  return {
    kind: 'otherDeviceInTopic',
    key: 'otherDeviceInTopic',
    message: `The topic ${JSON.stringify(topic.slice(0, 200))} names another device than its message, ${device}: the telemetry goes to ${device}, but commands do not follow such messages.`,
  };
}

/** A driver's failure, in its own words. */
export function decodeFailure({ code, message }: NonNullable<Frame['decodeError']>, model: string): UplinkNotice {
  return {
    kind: 'payloadDecodedError',
    key: `payloadDecodedError ${model} ${code}`,
    message: `The driver of ${model} fails (${code}): ${message.replaceAll(/\s+/g, ' ')}`,
  };
}

function modelOf({ maker, model }: Frame): string {
  return model === null ? 'devices of an unnamed model' : `${maker ?? '?'}/${model}`;
}
