/** The evidence in an event's payload of who opened or clicked. */
import type { EngagementEvidence } from '../domain/engagement-policy.ts'
import { jsonIn } from './fields.ts'

/** Field names of providers, in lower case and without `_` and `-`: `user_agent`, `UserAgent`, `client-info`'s `user-agent`. */
const names: Readonly<Record<string, keyof Evidence>> = {
  useragent: 'userAgent',
  ip: 'address',
  ipaddress: 'address',
  link: 'link',
  url: 'link',
  originallink: 'link',
}

interface Evidence extends EngagementEvidence {
  readonly link: string | null
}

/** No provider nests these fields deeper. */
const maxDepth = 5

/**
 * The user agent, IP address and link in a payload, at any depth, since providers differ in where they put them. A field that is
 * missing is null; all are null for a payload that was deleted.
 */
export function evidenceIn(payload: string): Evidence {
  const found: { -readonly [Name in keyof Evidence]: Evidence[Name] } = { userAgent: null, address: null, link: null }
  const search = (value: unknown, depth: number): void => {
    if (value === null || typeof value !== 'object' || depth > maxDepth) return
    for (const [name, inner] of Object.entries(value)) {
      const key = names[name.toLowerCase().replace(/[_-]/g, '')]
      if (key && typeof inner === 'string') found[key] ??= inner
      else search(inner, depth + 1)
    }
  }
  search(jsonIn(payload), 0)
  return found
}
