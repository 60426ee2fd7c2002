// Bounds what a client of the embedded broker may send in one packet.
import type { Client } from 'aedes';

export interface PacketLimits {
  readonly maxPacketBytes: number;
  readonly maxFilters: number;
}

export function limitPackets(client: Client, { maxPacketBytes, maxFilters }: PacketLimits): void {
  const parser = (client as unknown as { _parser: Parser })._parser;
  // It collects a packet of up to 256 MB before anyone sees it; it learns the length first.
  const parseLength = parser._parseLength;
  parser._parseLength = function limited(this: Parser): boolean {
    const known = parseLength.call(this);
    if (known && this.packet.length > maxPacketBytes) {
      this._emitError(new Error(`a packet of ${this.packet.length} bytes is larger than ${maxPacketBytes}`));
      return false;
    }
    return known;
  };
  // Each filter is looked for in all that is retained, and written if there is a session.
  const parseSubscribe = parser._parseSubscribe;
  parser._parseSubscribe = function limited(this: Parser): void {
    parseSubscribe.call(this);
    const count = this.packet.subscriptions?.length ?? 0;
    if (count > maxFilters) {
      this._emitError(new Error(`a packet with ${count} filters has more than ${maxFilters}`));
    }
  };
}

/** mqtt-packet's. After an error it gives out nothing more. */
interface Parser {
  readonly packet: { readonly length: number; readonly subscriptions?: readonly unknown[] };
  _parseLength(): boolean;
  _parseSubscribe(): void;
  _emitError(error: Error): void;
}
