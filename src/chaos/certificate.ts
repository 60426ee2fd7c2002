// A self-signed certificate for 127.0.0.1, written by hand (X.509 in DER), so that chaos needs no openssl.
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

export interface Certificate {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
}

const TAG = { integer: 2, bits: 3, octets: 4, oid: 6, utf8: 12, time: 23, sequence: 0x30, set: 0x31 } as const;
/** DER of the object identifiers (RFC 5280, RFC 5758). */
const OID = {
  commonName: [0x55, 4, 3],
  subjectAltName: [0x55, 0x1d, 0x11],
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2],
} as const;
const DAY_MS = 86_400_000;

export function selfSigned(commonName: string): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const name = sequence(tlv(TAG.set, sequence(oid(OID.commonName), tlv(TAG.utf8, Buffer.from(commonName)))));
  const algorithm = sequence(oid(OID.ecdsaWithSha256));
  const serial = randomBytes(12);
  serial[0] = 1;
  const now = Date.now();
  // GeneralNames: the address (tag 7) and the name (tag 2) that a client looks for.
  const names = sequence(tlv(0x87, Buffer.from([127, 0, 0, 1])), tlv(0x82, Buffer.from('localhost')));
  const extension = sequence(oid(OID.subjectAltName), tlv(TAG.octets, names));
  const body = sequence(
    tlv(0xa0, tlv(TAG.integer, Buffer.from([2]))),
    tlv(TAG.integer, serial),
    algorithm,
    name,
    sequence(time(now - DAY_MS), time(now + 30 * DAY_MS)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(extension)),
  );
  const signature = tlv(TAG.bits, Buffer.concat([Buffer.of(0), sign('sha256', body, privateKey)]));
  return {
    certificate: pem(sequence(body, algorithm, signature)),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function tlv(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tlv(TAG.sequence, Buffer.concat(parts));
}

function oid(bytes: readonly number[]): Buffer {
  return tlv(TAG.oid, Buffer.from(bytes));
}

/** UTCTime: `YYMMDDHHMMSSZ`. */
function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replace(/[-:T]/g, '').slice(2, 14);
  return tlv(TAG.time, Buffer.from(`${text}Z`));
}

function pem(der: Buffer): string {
  const lines = der.toString('base64').replace(/(.{64})/g, '$1\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}
