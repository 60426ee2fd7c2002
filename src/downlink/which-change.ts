// Which change of a desired shadow is a command (design point 8). Pure: the shadow, what was handled before, and the time.
import { createHash } from 'node:crypto';
import type { Command, IgnoreReason } from '../domain/command.ts';
import type { HandledShadow, ShadowChange } from '../domain/ports/downlink.ts';
import { canonical, isObject, type JsonObject, parseJson } from './json.ts';
import { renderTemplate } from './template.ts';

export type Decision =
  /** It was handled before. */
  | { readonly kind: 'known' }
  /** `acknowledge`: HERE is told that the device needs nothing of it. */
  | {
      readonly kind: 'ignored';
      readonly reason: IgnoreReason;
      readonly acknowledge: boolean;
      readonly isReset: boolean;
      readonly handled: HandledShadow;
    }
  | {
      readonly kind: 'command';
      readonly isTooOld: boolean;
      /** HERE counts the device's versions anew. */
      readonly isReset: boolean;
      readonly handled: HandledShadow;
    };

export interface Judgement {
  readonly before: HandledShadow | null;
  /** The connection's `downlinkTemplate`; null: `desired.payload` is what is sent. */
  readonly template: JsonObject | null;
  /** Since when the connection has commands, HERE's ms. */
  readonly since: number;
  /** HERE's wall clock, ms. */
  readonly hereNow: number;
  readonly maxAgeMs: number;
}

export function decide(change: ShadowChange, { before, template, since, hereNow, maxAgeMs }: Judgement): Decision {
  const { device, version, desiredAt } = change;
  const desired = parseJson(change.document);
  const wanted = wantedOf(desired, template);
  const [command, whole] = [digest(wanted), digest(withoutVersion(desired))];
  const isNewer = before === null || version > before.version;
  // HERE counts anew (the device was created again): a lower number, or the same one for another document, that is younger.
  const isReset = !isNewer && desiredAt > before.desiredAt && (version < before.version || whole !== before.whole);
  if (!isNewer && !isReset) return { kind: 'known' };
  const era = (before?.era ?? 0) + (isReset ? 1 : 0);
  const handled = { device, version, era, desiredAt, command, whole };
  const ignored = (reason: IgnoreReason, acknowledge: boolean): Decision => {
    return { kind: 'ignored', reason, acknowledge, isReset, handled };
  };
  // A version above the desired one, or of before the device was created anew, says nothing of this one.
  if (handled.era === 0 && change.reported === version) return ignored('alreadyReported', false);
  const isTooOld = hereNow - desiredAt > maxAgeMs;
  if (desiredAt < since || (before === null && isTooOld)) return ignored('before', false);
  if (wanted === undefined) return ignored('empty', true);
  if (before !== null && !isReset && command === before.command && whole !== before.whole) {
    return ignored('settings', true);
  }
  return { kind: 'command', isTooOld, isReset, handled };
}

/** What would be sent; undefined: nothing. `null`: something that cannot be read, which the encoder will refuse. */
export function wantedOf(desired: unknown, template: JsonObject | null): unknown {
  if (!isObject(desired)) return null;
  if (template !== null) return renderTemplate(template, desired) ?? undefined;
  const { payload } = desired;
  return payload === null || (isObject(payload) && Object.keys(payload).length === 0) ? undefined : payload;
}

/**
 * Whether a shadow that was seen later has something else to be sent, or nothing. Its digest was made by the template of that
 * time: of the command's own shadow it says nothing, for that is outdated by no change of the template.
 */
export function isOutdated(
  { version, era }: Pick<Command, 'version' | 'era'>,
  document: unknown,
  template: JsonObject | null,
  latest: HandledShadow,
): boolean {
  if (latest.version === version && latest.era === era) return false;
  return digest(wantedOf(document, template)) !== latest.command;
}

function withoutVersion(desired: unknown): unknown {
  if (!isObject(desired) || !isObject(desired.system)) return desired;
  const { stateVersion: _, ...system } = desired.system;
  return { ...desired, system };
}

/** Equal documents have equal digests. */
function digest(value: unknown): string {
  let text: string;
  try {
    text = value === undefined ? '' : canonical(value);
  } catch {
    text = 'too deep';
  }
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
