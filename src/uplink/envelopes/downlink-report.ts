// ThingPark's reports on downlinks: `DevEUI_downlink_Sent` and `DevEUI_downlink_Rejected`, for the other line.
// Source: the message formats of ThingPark X IoT Flow, "Downlink message"; the published examples have numbers as texts.
import type { DownlinkReport } from '../../domain/ports/downlink.ts';
import { devEui, type JsonObject, num, text } from '../values.ts';

const CAUSES = ['DeliveryFailedCause1', 'DeliveryFailedCause2', 'DeliveryFailedCause3'] as const;
/** Where the network writes that nothing failed in a slot. */
const NO_CAUSE = '00';

/** `name`: the root key. null: it is another message, or names no device. */
export function readDownlinkReport(name: string, body: JsonObject): DownlinkReport | null {
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

function causesOf(body: JsonObject): string {
  const causes = CAUSES.map((name) => text(body[name], 20)).filter((cause) => cause !== null && cause !== NO_CAUSE);
  return causes.join(', ');
}
