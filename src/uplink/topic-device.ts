// Whether a message's topic names another device than its body. Brokers let a client publish to topics, whatever the body says:
// who may write to one device's topic must not be taken for another device by the way back.
import { devEui, isObject } from './values.ts';

/** `root`: the message as it came. */
export type NamesAnother = (topic: string, device: string, root: unknown) => boolean;

const CHIRPSTACK = /\/device\/([0-9A-Fa-f]{16})\/event\//;
const THINGS_STACK = /\/devices\/([a-z0-9-]{1,36})\/(?:up|join|location|service|down)(?:\/|$)/;

/** `deviceOfTopic`: of the definition's pattern; null: it has none. */
export function compileNamesAnother(deviceOfTopic: ((topic: string) => string | null) | null): NamesAnother {
  return (topic, device, root) => {
    const named = deviceOfTopic?.(topic) ?? null;
    if (named !== null && named !== device) return true;
    if (!isObject(root)) return false;
    if (isObject(root.deviceInfo)) {
      const eui = CHIRPSTACK.exec(topic)?.[1];
      return eui !== undefined && eui.toUpperCase() !== device;
    }
    const ids = root.end_device_ids;
    return isObject(ids) && isOtherName(THINGS_STACK.exec(topic)?.[1], device, ids.device_id);
  };
}

/** The Things Stack's topics have the name of a device, which is `eui-` and its DevEUI where nobody has chosen another one. */
function isOtherName(name: string | undefined, device: string, nameInBody: unknown): boolean {
  if (name === undefined) return false;
  if (typeof nameInBody === 'string' && nameInBody !== name) return true;
  const eui = name.startsWith('eui-') ? devEui(name.slice('eui-'.length)) : null;
  return eui !== null && eui !== device;
}
