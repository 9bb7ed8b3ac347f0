/** Lists of IP addresses and networks in CIDR notation. */
import { BlockList, isIP } from 'node:net'

/**
 * @param entries addresses and networks, such as `10.0.0.7`, `10.0.0.0/8`, `fd00::/8`.
 * @throws TypeError or RangeError if an entry is none.
 */
export function networkList(entries: readonly string[]): BlockList {
  const list = new BlockList()
  for (const entry of entries) {
    const [address = '', prefix] = entry.split('/')
    if (prefix === undefined) list.addAddress(address, familyOf(address))
    else list.addSubnet(address, Number(prefix), familyOf(address))
  }
  return list
}

/**
 * Whether one of the entries is, or contains, this address. An IPv4 address may be mapped into IPv6 (RFC 4291 §2.5.5.2), and a link-local
 * one may name its interface (RFC 4007 §11).
 */
export function isInNetworks(list: BlockList, address: string): boolean {
  const [plain = ''] = address.split('%')
  return list.check(plain, familyOf(plain))
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4')
