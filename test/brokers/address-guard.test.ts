// Where brokers that are defined over the API may be: by the address that is connected to, however it is written.
import dns from 'node:dns';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createAddressGuard } from '../../src/brokers/address-guard.ts';

afterEach(() => vi.restoreAllMocks());

function looked(
  entries: readonly string[],
  host: string,
  addresses: readonly string[],
): Promise<readonly string[] | string> {
  vi.spyOn(dns, 'lookup').mockImplementation(((_host: string, _options: object, done: (...all: unknown[]) => void) =>
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )) as never);
  return new Promise((resolve) => {
    createAddressGuard(entries).lookup(host, { all: true }, (error, found) => {
      resolve(error === null ? (found as dns.LookupAddress[]).map(({ address }) => address) : (error as Error).message);
    });
  });
}

describe('An address', () => {
  test.each([
    '127.0.0.1',
    '127.8.9.1',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '198.18.0.1',
    '::1',
    '::',
    'fe80::1',
    'fd00::1',
    'fc00::1',
    '::ffff:10.0.0.1',
    '::ffff:7f00:1',
    '0:0:0:0:0:ffff:a9fe:a9fe',
    '64:ff9b::a00:1',
    '2002:a00:1::',
    '2001:db8::1',
    'ff02::1',
    '[::1]',
  ])('%s is not public', (address) => {
    expect(createAddressGuard(['public']).refusal(address)).toContain('brokerDefinitions.hosts');
  });

  test.each(['8.8.8.8', '172.32.0.1', '100.128.0.1', '2a00:1450:4007::1', '::ffff:8.8.8.8'])('%s is', (address) => {
    expect(createAddressGuard(['public']).refusal(address)).toBeNull();
    expect(createAddressGuard([]).refusal(address)).not.toBeNull();
    expect(createAddressGuard(['10.0.0.0/8', '*.example.com']).refusal(address)).not.toBeNull();
  });

  test('of a listed network is allowed, and its neighbours are not', () => {
    const guard = createAddressGuard(['10.1.0.0/16', 'fd00:1::/32', '192.168.1.7']);
    const verdicts = [
      '10.1.2.3',
      '10.2.0.1',
      'fd00:1::9',
      'fd00:2::9',
      '192.168.1.7',
      '192.168.1.8',
      '::ffff:10.1.0.1',
    ];
    expect(verdicts.map((address) => guard.refusal(address) === null)).toEqual([
      true,
      false,
      true,
      false,
      true,
      false,
      true,
    ]);
  });
});

describe('A name', () => {
  test('is judged by what it resolves to: private addresses are left out, and with none left it is refused without telling them', async () => {
    expect(await looked(['public'], 'a.example', ['10.0.0.1', '8.8.8.8', '::1'])).toEqual(['8.8.8.8']);
    const refused = await looked(['public'], 'evil.example', ['10.0.0.1', '169.254.169.254']);
    expect(refused).toContain('evil.example is at no address');
    expect(refused).not.toContain('10.0.0.1');
  });

  test('that is listed is trusted, in any case and with a dot at its end; others beside it are not', async () => {
    const entries = ['broker.internal', '*.plant.example'];
    expect(await looked(entries, 'Broker.Internal.', ['10.0.0.1'])).toEqual(['10.0.0.1']);
    expect(await looked(entries, 'a.b.plant.example', ['10.0.0.1'])).toEqual(['10.0.0.1']);
    for (const host of ['plant.example', 'xplant.example', 'broker.internal.evil.example', 'public', 'other']) {
      expect(await looked(entries, host, ['10.0.0.1'])).toContain('at no address');
      expect(await looked(['public'], host, ['10.0.0.1'])).toContain('at no address');
    }
  });
});
