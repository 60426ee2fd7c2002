// Bounds what a client of the embedded broker may send in one packet.
import type { Client } from 'aedes';

/** mqtt-packet's parser collects a packet of up to 256 MB before anyone sees it; it learns the length first. */
export function limitPacketBytes(client: Client, maxBytes: number): void {
  const parser = (client as unknown as { _parser: LengthParser })._parser;
  const parseLength = parser._parseLength;
  parser._parseLength = function limited(this: LengthParser): boolean {
    const known = parseLength.call(this);
    if (known && this.packet.length > maxBytes) {
      this._emitError(new Error(`a packet of ${this.packet.length} bytes is larger than ${maxBytes}`));
      return false;
    }
    return known;
  };
}

interface LengthParser {
  readonly packet: { readonly length: number };
  _parseLength(): boolean;
  _emitError(error: Error): void;
}
