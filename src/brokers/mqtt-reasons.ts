// Why there is no connection to a broker, in plain words with the broker's or the system's code, and whether time may mend it.
import { describeError } from '../domain/errors.ts';

export interface Down {
  /** One line; holds the code; no credentials. */
  readonly reason: string;
  /** True: a person must act. Attempts go on, but rarely. */
  readonly fatal: boolean;
  /** The trouble is this topic's alone: the broker answers. */
  readonly topic?: string;
}

// CONNACK return codes of MQTT 3.1.1 (section 3.2.2.3) and reason codes of MQTT 5 (section 3.2.2.2) that a person must mend.
const REFUSED: Readonly<Record<number, string>> = {
  1: 'it does not speak this MQTT version: set protocolVersion',
  2: 'it rejects the client id',
  4: 'user name or password is wrong',
  5: 'user name or password is wrong, or this client is not authorised',
  132: 'it does not speak this MQTT version: set protocolVersion',
  133: 'it rejects the client id',
  134: 'user name or password is wrong',
  135: 'user name or password is wrong, or this client is not authorised',
  138: 'this client is banned',
  140: 'it wants another way of authentication',
};

const SYSTEM: Readonly<Record<string, (where: string) => string>> = {
  ENOTFOUND: (where) => `no such host: ${where}`,
  EAI_AGAIN: (where) => `the name service gives no answer for ${where}`,
  ECONNREFUSED: (where) => `nothing listens at ${where}`,
  ECONNRESET: (where) => `${where} reset the connection`,
  EPIPE: (where) => `${where} closed the connection`,
  ETIMEDOUT: (where) => `${where} does not answer`,
  EHOSTUNREACH: (where) => `no route to ${where}`,
  ENETUNREACH: (where) => `no route to ${where}`,
};

/** Certificates and handshakes: Node's and OpenSSL's codes. */
const TLS_CODE =
  /^(ERR_TLS|ERR_SSL|ERR_OSSL|EPROTO|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|INVALID_CA|HOSTNAME_MISMATCH)/;

export function reasonOf(error: unknown, where: string): Down {
  const code = codeOf(error);
  if (typeof code === 'number') {
    const known = REFUSED[code];
    const words = known ?? (error instanceof Error ? error.message : 'no reason given');
    return { reason: `the broker refused the connection: ${words} (MQTT ${code})`, fatal: known !== undefined };
  }
  const words = code === undefined ? undefined : SYSTEM[code];
  if (code !== undefined && words !== undefined) return { reason: `${words(where)} (${code})`, fatal: false };
  if (code !== undefined && TLS_CODE.test(code)) {
    return { reason: `TLS with ${where} failed: ${firstLine(error)} (${code})`, fatal: false };
  }
  return { reason: `no connection to ${where}: ${firstLine(describeError(error))}`, fatal: false };
}

function codeOf(error: unknown): number | string | undefined {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  if (error === null || typeof error !== 'object' || !('code' in error)) return undefined;
  return typeof error.code === 'number' || typeof error.code === 'string' ? error.code : undefined;
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.split('\n', 1)[0] ?? '').slice(0, 300);
}
