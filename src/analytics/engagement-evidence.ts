/** Who opened or clicked, as an event's payload tells it. */
import type { EngagementEvidence } from '../domain/engagement-policy.ts'

/** What providers call it, in lower case and without `_` and `-`: `user_agent`, `UserAgent`, `client-info`'s `user-agent`. */
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

/** Payloads are deeper in places where nothing of this stands. */
const deepest = 5

/**
 * The user agent, the address and the link that a payload names, wherever in it they stand: no two providers put them in
 * the same place. What it does not name is null; so is everything of a payload that was deleted.
 */
export function evidenceIn(payload: string): Evidence {
  const found: { -readonly [Name in keyof Evidence]: Evidence[Name] } = { userAgent: null, address: null, link: null }
  const look = (value: unknown, depth: number): void => {
    if (value === null || typeof value !== 'object' || depth > deepest) return
    for (const [name, inner] of Object.entries(value)) {
      const key = names[name.toLowerCase().replace(/[_-]/g, '')]
      if (key && typeof inner === 'string') found[key] ??= inner
      else look(inner, depth + 1)
    }
  }
  look(parsed(payload), 0)
  return found
}

function parsed(payload: string): unknown {
  try {
    return JSON.parse(payload)
  } catch {
    return null
  }
}
