// Reports on downlinks, for the other line: ThingPark's `DevEUI_downlink_Sent` and `DevEUI_downlink_Rejected`, and what ChirpStack
// and The Things Stack say of theirs.
// Source: the message formats of ThingPark X IoT Flow, "Downlink message"; the published examples have numbers as texts.
import { readChirpstackConfirmation } from '../../domain/chirpstack-downlink.ts';
import type { NetworkConfirmation } from '../../domain/network-downlink.ts';
import type { DownlinkReport } from '../../domain/ports/downlink.ts';
import { readThingsStackConfirmation } from '../../domain/things-stack-downlink.ts';
import { devEui, type JsonObject, num, text } from '../values.ts';

const CAUSES = ['DeliveryFailedCause1', 'DeliveryFailedCause2', 'DeliveryFailedCause3'] as const;
/** Where the network writes that nothing failed in a slot. */
const NO_CAUSE = '00';

/** `name`: of the envelope; ThingPark's is the root key. null: it is another message, names no device, or says nothing new. */
export function readDownlinkReport(name: string, body: JsonObject): DownlinkReport | null {
  if (name.startsWith('ChirpStack')) return ofConfirmation(readChirpstackConfirmation(body));
  if (name.startsWith('The Things Stack')) return ofConfirmation(readThingsStackConfirmation(body));
  const kind = name === 'DevEUI_downlink_Sent' ? 'sent' : name === 'DevEUI_downlink_Rejected' ? 'rejected' : null;
  const device = devEui(body.DevEUI);
  if (kind === null || device === null) return null;
  const correlationId = text(body.CorrelationID, 40);
  const port = num(body.FPort);
  return {
    kind,
    device,
    correlationId: correlationId === null ? null : correlationId.toUpperCase(),
    port: Number.isInteger(port) ? port : null,
    status: num(body.DeliveryStatus),
    cause: kind === 'rejected' ? (text(body.DownlinkRejectionCause, 200) ?? '') : causesOf(body),
  };
}

/**
 * These networks name each downlink that is ours: one that they do not name is somebody else's. An acknowledgement says that it
 * was sent; a missing one counts only where nobody has said so before.
 */
function ofConfirmation(told: NetworkConfirmation | null): DownlinkReport | null {
  if (told === null || told.device === null || told.correlationId === null || told.outcome === 'queued') return null;
  const { device, correlationId, fPort: port, outcome } = told;
  const cause = told.cause ?? '';
  if (outcome === 'failed') return { kind: 'rejected', device, correlationId, port, status: Number.NaN, cause };
  const status = outcome === 'notAcknowledged' ? 0 : 1;
  return {
    kind: 'sent',
    device,
    correlationId,
    port,
    status,
    cause: status === 0 ? cause || 'no acknowledgement' : '',
  };
}

function causesOf(body: JsonObject): string {
  const causes = CAUSES.map((name) => text(body[name], 20)).filter((cause) => cause !== null && cause !== NO_CAUSE);
  return causes.join(', ');
}
