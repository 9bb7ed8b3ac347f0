/**
 * How the stand-ins answer changes of their suppression lists. By twilio/sendgrid-oai (tsg_suppressions_v3), mailgun-mcp-server's openapi.yaml
 * 3.0.0, resend-openapi 1.5.0, botocore's sesv2 model, and postmarkapp.com/developer/api/suppressions-api. All return null for any other request.
 */
import { randomUUID } from 'node:crypto'
import type { StandInAnswer, StandInRequest } from './server.ts'

const ok = (status: number, body: unknown = {}): StandInAnswer => ({ status, body })

const without = <Entry>(list: Entry[], isGone: (entry: Entry) => boolean): number => {
  const before = list.length
  list.splice(0, before, ...list.filter((entry) => !isGone(entry)))
  return before - list.length
}

interface SendgridEntry {
  readonly created: number
  readonly email: string
}

/** @param lists by name; `unsubscribes` is the global one. */
export function changeSendgridLists(
  { method, path, body }: StandInRequest,
  lists: Map<string, SendgridEntry[]>,
  now: number,
): StandInAnswer | null {
  if (method === 'POST' && path === '/v3/asm/suppressions/global') {
    const { recipient_emails: added } = JSON.parse(body) as { recipient_emails: string[] }
    const list = lists.get('unsubscribes') ?? []
    for (const email of added) {
      if (!list.some((entry) => entry.email === email)) list.push({ created: Math.floor(now / 1_000), email })
    }
    lists.set('unsubscribes', list)
    return ok(201, { recipient_emails: added })
  }
  const [, name, email] = /^\/v3\/(?:suppression\/|asm\/suppressions\/)(\w+)\/(.+)$/.exec(path) ?? []
  if (method !== 'DELETE' || name === undefined) return null
  const list = lists.get(name === 'global' ? 'unsubscribes' : name) ?? []
  return without(list, (entry) => entry.email === email) > 0 ? { status: 204, body: '' } : ok(404, { errors: [] })
}

/** @param lists by name, then by address. */
export function changeMailgunLists(
  { method, path, body }: StandInRequest,
  lists: Readonly<Record<string, Map<string, object>>>,
  at: string,
): StandInAnswer | null {
  const [, name = '', address] = /^\/v3\/[^/]+\/(bounces|complaints|unsubscribes)(?:\/(.+))?$/.exec(path) ?? []
  const list = lists[name]
  if (!list || method === 'GET') return null
  if (method === 'DELETE') return list.delete(address ?? '') ? ok(200, { address }) : ok(404, { message: 'not found' })
  const added = JSON.parse(body) as { address: string }[]
  if (added.length >= 1_000) return ok(400, { message: 'Batch size should be less than 1000' })
  for (const entry of added) list.set(entry.address, { created_at: at, ...entry })
  return ok(200, { message: `${added.length} addresses have been added` })
}

interface PostmarkSuppressions {
  readonly list: {
    readonly stream: string
    readonly EmailAddress: string
    readonly SuppressionReason: string
    readonly Origin: string
    readonly CreatedAt: string
  }[]
}

export function changePostmarkLists(
  { method, path, body }: StandInRequest,
  list: PostmarkSuppressions['list'],
  at: string,
): StandInAnswer | null {
  const [, stream, deletes] = /^\/message-streams\/([^/]+)\/suppressions(\/delete)?$/.exec(path) ?? []
  if (method !== 'POST' || stream === undefined) return null
  const { Suppressions: given } = JSON.parse(body) as { Suppressions: { EmailAddress: string }[] }
  if (given.length > 50) return ok(422, { ErrorCode: 1_000, Message: 'too many' })
  const Suppressions = given.map(({ EmailAddress }) => {
    const known = list.find((entry) => entry.stream === stream && entry.EmailAddress === EmailAddress)
    if (deletes && known?.SuppressionReason === 'SpamComplaint')
      return { EmailAddress, Status: 'Failed', Message: 'no' }
    if (deletes) without(list, (entry) => entry === known)
    else if (!known) {
      list.push({ stream, EmailAddress, SuppressionReason: 'ManualSuppression', Origin: 'Customer', CreatedAt: at })
    }
    return { EmailAddress, Status: deletes ? 'Deleted' : 'Suppressed', Message: null }
  })
  return ok(200, { Suppressions })
}

interface ResendEntry {
  readonly id: string
  readonly [field: string]: unknown
}

export function changeResendList(
  { method, path, body }: StandInRequest,
  list: ResendEntry[],
  at: string,
): StandInAnswer | null {
  const [, change] = /^\/suppressions\/batch\/(add|remove)$/.exec(path) ?? []
  if (method !== 'POST' || change === undefined) return null
  const { emails } = JSON.parse(body) as { emails: string[] }
  if (emails.length < 1 || emails.length > 100) return ok(422, { name: 'validation_error' })
  for (const email of emails) {
    if (change === 'remove') without(list, (entry) => entry['email'] === email)
    else if (!list.some((entry) => entry['email'] === email)) {
      list.push({ id: randomUUID(), email, origin: 'manual', source_id: null, created_at: at })
    }
  }
  return ok(change === 'add' ? 201 : 200, { data: emails.map(() => ({ object: 'suppression' })) })
}

interface SesEntry {
  readonly EmailAddress: string
  readonly Reason: 'BOUNCE' | 'COMPLAINT'
  readonly LastUpdateTime: number
}

export function changeSesList(
  { method, path, body }: StandInRequest,
  list: SesEntry[],
  now: number,
): StandInAnswer | null {
  const [, address] = /^\/v2\/email\/suppression\/addresses(?:\/(.+))?$/.exec(path) ?? []
  if (method === 'PUT') {
    const { EmailAddress, Reason } = JSON.parse(body) as Pick<SesEntry, 'EmailAddress' | 'Reason'>
    without(list, (entry) => entry.EmailAddress === EmailAddress)
    list.push({ EmailAddress, Reason, LastUpdateTime: now / 1_000 })
    return ok(200)
  }
  if (method !== 'DELETE' || address === undefined) return null
  const headers = { 'x-amzn-errortype': 'NotFoundException' }
  return without(list, (entry) => entry.EmailAddress === address) > 0 ? ok(200) : { ...ok(404), headers }
}
