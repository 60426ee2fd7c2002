// Which hosts a broker that was defined over the API may be at. Names and addresses are judged where the connection is made: what
// counts is the address that is connected to, so a name that resolves to the operator's own network leads nowhere, whenever it
// changes; and the addresses that a Kafka cluster names for its other brokers are judged like any other.
import dns from 'node:dns';
import net, { type LookupFunction } from 'node:net';
import { BridgeError, EXIT } from '../domain/errors.ts';

export interface AddressGuard {
  /** Null: a connection may be tried, by `lookup`; else why not. Of names that are not listed the addresses decide. */
  refusal(host: string): string | null;
  /** For sockets: hands out allowed addresses alone. */
  readonly lookup: LookupFunction;
}

/** Stands for every address that is reachable from everywhere (IANA's special-purpose registries leave it). */
const PUBLIC = 'public';

const SPECIAL_IPV4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const;
/** Within 2000::/3: protocols, documentation, and 6to4, which leads to any IPv4 address. */
const SPECIAL_IPV6 = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const;

const special = new net.BlockList();
for (const [address, bits] of SPECIAL_IPV4) special.addSubnet(address, bits, 'ipv4');
for (const [address, bits] of SPECIAL_IPV6) special.addSubnet(address, bits, 'ipv6');
const global6 = new net.BlockList();
global6.addSubnet('2000::', 3, 'ipv6');

/** `entries`: `public`, addresses, networks, host names, and `*.` with a domain for all names below it. Checked beforehand. */
export function createAddressGuard(entries: readonly string[]): AddressGuard {
  const networks = new net.BlockList();
  const names: string[] = [];
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/');
    const family = net.isIP(address);
    if (family === 0) names.push(entry.toLowerCase());
    else
      networks.addSubnet(
        address,
        bits === undefined ? (family === 4 ? 32 : 128) : Number(bits),
        family === 4 ? 'ipv4' : 'ipv6',
      );
  }
  const isPublicAllowed = names.includes(PUBLIC);
  const isListed = (host: string): boolean => {
    const name = host.toLowerCase().replace(/\.$/, '');
    return names.some((each) =>
      each.startsWith('*.') ? name.endsWith(each.slice(1)) : each !== PUBLIC && each === name,
    );
  };
  const isAllowed = (address: string): boolean => {
    const plain = withoutMapping(address);
    const family = net.isIP(plain) === 4 ? 'ipv4' : 'ipv6';
    return networks.check(plain, family) || (isPublicAllowed && isPublic(plain));
  };
  return {
    refusal(host) {
      const bare = host.replace(/^\[|\]$/g, '');
      if (net.isIP(bare) === 0 || isAllowed(bare)) return null;
      return `the address ${bare} is none that brokerDefinitions.hosts allows`;
    },
    lookup(host, options, callback) {
      const { all = false } = options as { all?: boolean };
      dns.lookup(host, { ...options, all: true }, (error, found) => {
        if (error !== null) return callback(error, '', 0);
        const allowed = isListed(host) ? found : found.filter(({ address }) => isAllowed(address));
        const [first] = allowed;
        // Which addresses it has is nobody's business who may not reach them.
        if (first === undefined) return callback(refused(host), '', 0);
        return all ? callback(null, allowed) : callback(null, first.address, first.family);
      });
    },
  };
}

function isPublic(address: string): boolean {
  if (net.isIP(address) === 4) return !special.check(address, 'ipv4');
  return global6.check(address, 'ipv6') && !special.check(address, 'ipv6');
}

/** `::ffff:10.0.0.1` is 10.0.0.1, in whichever form it is written. */
function withoutMapping(address: string): string {
  if (net.isIP(address) !== 6) return address;
  const [head, words] = new URL(`http://[${address.split('%')[0]}]`).hostname.slice(1, -1).split('::ffff:');
  if (head !== '' || words === undefined) return address;
  const [high = 0, low = 0] = words.split(':').map((word) => Number.parseInt(word, 16));
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

export function refused(host: string): BridgeError {
  return new BridgeError('brokerHostRefused', `${host} is at no address that brokerDefinitions.hosts allows`, {
    exitCode: EXIT.config,
  });
}
