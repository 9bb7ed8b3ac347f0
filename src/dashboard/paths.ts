/** Addresses of pages. */

export { emailPath } from '../domain/page-paths.ts'

export const eventPath = ({ provider, eventId }: { readonly provider: string; readonly eventId: string }): string =>
  `/events/${encodeURIComponent(provider)}/${encodeURIComponent(eventId)}`

export const endpointPath = (id: string): string => `/setup/endpoints/${encodeURIComponent(id)}`

export const domainPath = (domain: string): string => `/domains/${encodeURIComponent(domain)}`

/** A path with a query, of what is given. */
export function pathWith(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => Boolean(entry[1]))
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`
}

/**
 * A path on this server; `/` for everything that would lead elsewhere. A path that begins with two slashes once its dots are resolved, as
 * `/.//example.com` does, names a host.
 */
export function localPath(text: string | undefined): string {
  const base = 'http://local'
  if (!text?.startsWith('/') || !URL.canParse(text, base)) return '/'
  const { origin, pathname, search } = new URL(text, base)
  return origin === base && !pathname.startsWith('//') ? pathname + search : '/'
}
