// The network that a client address belongs to: what bounds are counted by.

/** An IPv4 address itself; of IPv6 the /64, since one client has all of it at its hands. */
export function network(address: string): string {
  if (!address.includes(':')) return address;
  // IPv4 as a socket of both kinds shows it.
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [before = [], after = []] = address.split('::', 2).map((half) => (half === '' ? [] : half.split(':')));
  const zeros = address.includes('::') ? Math.max(0, 8 - before.length - after.length) : 0;
  const groups = [...before, ...Array<string>(zeros).fill('0'), ...after].slice(0, 4);
  return `${groups.map((group) => group.toLowerCase().replace(/^0+(?=.)/, '')).join(':')}::/64`;
}
