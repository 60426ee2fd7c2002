// Maker and model of the device, for `system.client`, where they fit HERE's lengths (manufacturer 2..50, model 1..50).
import type { Frame } from '../envelopes/frame.ts';
import type { Given } from './given.ts';
import type { Trace } from './rule.ts';

const CACHE_ENTRIES = 1000;
/** By maker, then by model. */
const cache = new Map<string | null, Map<string | null, string | null>>();
let cached = 0;

/** The JSON text of `system.client`; null: nothing fits. Cached: a fleet has few models. */
export function clientJson(frame: Frame, given: Given, trace: Trace | null): string | null {
  const set = given === null ? null : givenClient(frame, given);
  return set ?? ofMakerAndModel(frame, trace);
}

/** Names that overrides have set, beside those of the message. */
function givenClient({ maker, model }: Frame, given: NonNullable<Given>): string | null {
  const client: Record<string, unknown> = {};
  if (maker !== null && fits(maker, 2)) client.manufacturer = maker;
  if (model !== null && fits(model, 1)) client.model = model;
  let any = false;
  for (const [field, value] of given) {
    if (!field.startsWith(CLIENT)) continue;
    client[field.slice(CLIENT.length)] = value;
    any = true;
  }
  return any ? JSON.stringify(client) : null;
}
const CLIENT = '/system/client/';

function ofMakerAndModel(frame: Frame, trace: Trace | null): string | null {
  const { maker, model } = frame;
  if (maker === null && model === null) {
    trace?.passed('system.client', 'maker-and-model', 'neither DriverCfg.mod nor CustomerData.alr names them');
    return null;
  }
  let models = cache.get(maker);
  let json = models?.get(model);
  if (json === undefined) {
    const fields: string[] = [];
    if (maker !== null && fits(maker, 2)) fields.push(`"manufacturer":${JSON.stringify(maker)}`);
    if (model !== null && fits(model, 1)) fields.push(`"model":${JSON.stringify(model)}`);
    json = fields.length === 0 ? null : `{${fields.join(',')}}`;
    if (cached >= CACHE_ENTRIES) {
      cache.clear();
      models = undefined;
      cached = 0;
    }
    if (models === undefined) {
      models = new Map();
      cache.set(maker, models);
    }
    models.set(model, json);
    cached += 1;
  }
  if (json === null) trace?.passed('system.client', 'maker-and-model', 'their lengths do not fit');
  else trace?.gave('system.client', 'maker-and-model', JSON.parse(json));
  return json;
}

function fits(name: string, minLength: number): boolean {
  // HERE counts characters, not UTF-16 units; half a surrogate pair is none.
  return name.isWellFormed() && [...name].length >= minLength && [...name].length <= 50;
}
