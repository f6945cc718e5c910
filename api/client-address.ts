// From where a request comes: the address of its connection, or what a proxy of ours says in front of it.

import { BlockList, isIP } from 'node:net';

/** Ours alone, on the way to better-auth: what a visitor sends under this name is overwritten. */
export const addressHeader = 'x-aegir-address';

export type AddressOf = (connection: string | undefined, forwarded: string | undefined) => string;

/**
 * Reads `X-Forwarded-For` from its end, as each proxy appends whom it was asked by: the first address that is no proxy of ours
 * counts. What stands before it anybody can have written.
 * @param proxies addresses and networks (`10.0.0.0/8`) of our proxies
 */
export function createAddressOf(proxies: string[]): AddressOf {
  const ours = new BlockList();
  for (const proxy of proxies) {
    const [address = '', bits] = proxy.split('/');
    const family = familyOf(address);
    if (bits === undefined) ours.addAddress(address, family);
    else ours.addSubnet(address, Number(bits), family);
  }
  return (connection, forwarded) => {
    const chain = [...(forwarded ?? '').split(','), connection ?? ''].map(plain);
    const at = chain.findLastIndex(address => !isIP(address) || !ours.check(address, familyOf(address)));
    const found = chain[Math.max(at, 0)] ?? '';
    // What is no address stands behind the last proxy that knows what it says.
    return isIP(found) ? found : (chain[at + 1] ?? '');
  };
}

const familyOf = (address: string) => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** A socket for both families calls 192.0.2.1 `::ffff:192.0.2.1`. */
const plain = (text: string) => text.trim().replace(/^::ffff:(?=\d+\.)/i, '');
