import { BlockList, isIP } from 'node:net';
import { quote } from '@img/spec/quote';
import { ServerError } from '../server-error.ts';

/**
 * A function that tells whether an address is in one of the networks, each an address or `address/bits`.
 *
 * @throws ServerError OPTION_INVALID
 */
export function networksOf(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [, address = '', bits] = /^([0-9a-fA-F.:]+)(?:\/(\d{1,3}))?$/.exec(network) ?? [];
    const family = familyOf(address);
    const most = family === 'ipv4' ? 32 : 128;
    if (family === undefined || Number(bits ?? most) > most) {
      throw new ServerError(
        'OPTION_INVALID',
        `a network should be like 10.0.0.0/8 or fd00::/8, not ${quote(network)}`,
      );
    }
    list.addSubnet(address, Number(bits ?? most), family);
  }
  return (address) => {
    // How sockets that take both kinds of address name those of the older one.
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
    const family = familyOf(plain);
    return family !== undefined && list.check(plain, family);
  };
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const version = isIP(address);
  if (version === 0) return undefined;
  return version === 4 ? 'ipv4' : 'ipv6';
}
