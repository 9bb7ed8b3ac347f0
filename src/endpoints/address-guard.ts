/**
 * Which addresses webhooks to applications may be sent to. Whoever may create an endpoint chooses its URL, and so could make Aftersend send
 * requests into the network that it runs in (server-side request forgery).
 */
import { lookup as lookUp } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { isInNetworks, networkList } from '../domain/networks.ts'

/** An endpoint's URL that is not allowed, or a name that has no allowed address. */
export class EndpointRefusedError extends Error {
  override readonly name = 'EndpointRefusedError'
}

/** Sources: IANA's special-purpose address registries for IPv4 and IPv6 (RFC 6890 and its updates). */
const specialNetworks: readonly string[] = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ...['192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  ...['224.0.0.0/4', '240.0.0.0/4'],
  // Within the global unicast addresses: Teredo, benchmarking, ORCHID, documentation, 6to4 (which embeds any IPv4 address).
  ...['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'],
]

/** All IPv6 addresses outside of it are refused: loopback, link-local, unique local, multicast, mapped and translated IPv4. */
const globalIpv6 = '2000::/3'

export interface AddressGuard {
  /**
   * The URL in its canonical form.
   * @throws EndpointRefusedError unless it is `https:` (to a listed host also `http:`), without credentials, and to a host that is not
   *   refused as it stands; what a name resolves to is checked with each connection.
   */
  checkedUrl(url: string): URL
  /** Resolves names for `net.connect`, which connects to what this has checked: there is no second resolution that could differ. */
  readonly lookup: LookupFunction
}

type Resolve = typeof lookUp

/**
 * @param allowed hosts, addresses and networks (`10.0.0.0/8`) that may be sent to although they are internal.
 * @param resolve asks DNS. Default: as the system does.
 */
export function createAddressGuard(allowed: readonly string[], resolve: Resolve = lookUp): AddressGuard {
  const hosts = new Set(allowed.map((entry) => entry.toLowerCase()))
  const exceptions = networkList(allowed.filter((entry) => isIP(entry.split('/')[0] ?? '') !== 0))
  const special = networkList(specialNetworks)
  const publicIpv6 = networkList([globalIpv6])
  const isAllowed = (address: string): boolean => {
    if (isInNetworks(exceptions, address)) return true
    return !isInNetworks(special, address) && (isIP(address) !== 6 || isInNetworks(publicIpv6, address))
  }
  return {
    checkedUrl(text) {
      const url = parsed(text)
      const host = hostOf(url)
      const isListed = hosts.has(host) || (isIP(host) !== 0 && isInNetworks(exceptions, host))
      if (url.username || url.password)
        throw new EndpointRefusedError('the URL must not contain a user name or password: requests are signed instead')
      if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isListed))
        throw new EndpointRefusedError('the URL must start with https://, unless ENDPOINT_ALLOWED_HOSTS lists its host')
      if (!isListed && isIP(host) !== 0 && !isAllowed(host)) throw refused()
      return url
    },
    lookup(hostname, options, callback) {
      resolve(hostname, { ...options, all: true }, (error, addresses) => {
        const usable = hosts.has(hostname.toLowerCase())
          ? addresses
          : addresses?.filter(({ address }) => isAllowed(address))
        const first = usable?.[0]
        if (error) callback(error, '', 0)
        else if (!first) callback(refused(), '', 0)
        else if (options.all) callback(null, usable)
        else callback(null, first.address, first.family)
      })
    },
  }
}

const refused = (): EndpointRefusedError =>
  new EndpointRefusedError('the host is in a private or reserved network: ENDPOINT_ALLOWED_HOSTS lists exceptions')

function parsed(text: string): URL {
  try {
    return new URL(text)
  } catch {
    throw new EndpointRefusedError('the URL is not valid')
  }
}

const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '').toLowerCase()
