/** A mailbox on an IMAP server (RFC 9051), read with imapflow. */
import { createHash } from 'node:crypto'
import { ImapFlow } from 'imapflow'
import { maxMailBytes } from '../domain/mail-size.ts'
import type { MailboxSettings, OAuthLogin } from '../mail-settings.ts'
import { type AccessTokens, createAccessTokens } from './access-tokens.ts'
import { MailboxRefusedError, MailboxUnreachableError } from './mailbox-errors.ts'

/** It may be that the access token alone is refused. */
class LoginRefusedError extends MailboxRefusedError {}

interface FoundMail {
  readonly uid: number
  /** The bytes of the whole mail; null if it is too large. */
  readonly raw: Buffer | null
}

export interface OpenMailbox {
  /** Whose UIDs the mails have: a hash of server, user and folder, and the folder's UIDVALIDITY (RFC 9051 §2.3.1.1). */
  readonly folderId: string
  /** The UIDs above this one, ascending. */
  findAbove(uid: number): Promise<number[]>
  /** Reads mails, one after the other. One that was deleted meanwhile is left out. */
  read(uids: readonly number[]): AsyncGenerator<FoundMail>
  /** Does with these mails what the settings say. Idempotent. */
  finish(uids: readonly number[]): Promise<void>
  /** Never throws. */
  close(): Promise<void>
}

export type OpenMailboxOf = (settings: MailboxSettings) => Promise<OpenMailbox>

/** In milliseconds. An activity's heartbeat waits longer than any of them. */
const timeouts = { connectionTimeout: 15_000, greetingTimeout: 15_000, socketTimeout: 60_000 } as const

/**
 * @returns what opens mailboxes, and keeps their access tokens. @throws MailboxRefusedError, MailboxUnreachableError, as all methods of the
 * mailbox do.
 * @param clock epoch milliseconds.
 */
export function createMailboxOpener(clock: () => number): OpenMailboxOf {
  const tokens = createAccessTokens(clock)
  return (settings) =>
    settings.login.by === 'password'
      ? openWith(settings, { pass: settings.login.password })
      : openByToken(settings, settings.login, tokens)
}

/** A server may refuse a token before it expires, for instance after its key was replaced: a new one is tried once. */
async function openByToken(settings: MailboxSettings, login: OAuthLogin, tokens: AccessTokens): Promise<OpenMailbox> {
  const { value, isKept } = await tokens.tokenFor(login)
  try {
    return await openWith(settings, { accessToken: value })
  } catch (error) {
    if (!(error instanceof LoginRefusedError)) throw error
    tokens.discard(login)
    if (!isKept) throw error
    return openByToken(settings, login, tokens)
  }
}

type Credential = { readonly pass: string } | { readonly accessToken: string }

async function openWith(settings: MailboxSettings, credential: Credential): Promise<OpenMailbox> {
  const { host, port, isSecure, user, folder } = settings
  const client = new ImapFlow({
    ...{ host, port, secure: isSecure, auth: { user, ...credential } },
    ...timeouts,
    logger: false,
    disableAutoIdle: true,
    // What a server may answer at most; a mail and the answer around it fit.
    maxLiteralSize: 2 * maxMailBytes,
    maxResponseSize: 4 * maxMailBytes,
  })
  // Besides the rejected call: without a listener, it would end the process.
  client.on('error', () => {})
  try {
    await onServer(settings, () => client.connect())
    const opened = await onServer(settings, () =>
      client.mailboxOpen(folder, { readOnly: settings.after.do === 'keep' }),
    )
    const place = createHash('sha256')
      .update(JSON.stringify([host, port, user, folder]))
      .digest('hex')
      .slice(0, 16)
    return openedOn(client, settings, `${place}/${opened.uidValidity}`)
  } catch (error) {
    client.close()
    throw 'accessToken' in credential && offersNoOAuth(client)
      ? refusal(settings, 'access tokens: it offers neither XOAUTH2 nor OAUTHBEARER')
      : error
  }
}

/** Whether a login by token has failed since the server knows none. The library throws an error that says nothing of it to programs. */
const offersNoOAuth = ({ authenticated, capabilities }: ImapFlow): boolean =>
  !authenticated &&
  capabilities.size > 0 &&
  !['XOAUTH2', 'OAUTHBEARER'].some((name) => capabilities.has(`AUTH=${name}`))

function openedOn(client: ImapFlow, settings: MailboxSettings, folderId: string): OpenMailbox {
  const onThis = <T>(call: () => Promise<T>): Promise<T> => onServer(settings, call)
  return {
    folderId,

    async findAbove(uid) {
      // `n:*` also finds the last mail if its UID is less than n (RFC 9051 §6.4.4).
      const found = await onThis(() => client.search({ uid: `${uid + 1}:*` }, { uid: true }))
      if (!found) throw refusal(settings, 'the search for mails')
      return found.filter((one) => one > uid).toSorted((a, b) => a - b)
    },

    async *read(uids) {
      const sizes = await onThis(() => client.fetchAll(rangeOf(uids), { uid: true, size: true }, { uid: true }))
      for (const { uid, size = 0 } of sizes.toSorted((a, b) => a.uid - b.uid)) {
        if (size > maxMailBytes) yield { uid, raw: null }
        else {
          const mail = await onThis(() => client.fetchOne(String(uid), { uid: true, source: true }, { uid: true }))
          const { source } = mail || {}
          if (source) yield { uid, raw: source }
        }
      }
    },

    async finish(uids) {
      const { after } = settings
      if (uids.length === 0 || after.do === 'keep') return
      const range = rangeOf(uids)
      if (!(await onThis(() => finishWith(client, after, range)))) {
        throw refusal(settings, `MAIL_IMAP_AFTER=${after.do === 'move' ? `move:${after.folder}` : after.do}`)
      }
    },

    async close() {
      await client.logout().catch(() => client.close())
    },
  }
}

async function finishWith(client: ImapFlow, after: MailboxSettings['after'], range: string): Promise<boolean> {
  switch (after.do) {
    case 'keep':
      return true
    case 'seen':
      return client.messageFlagsAdd(range, ['\\Seen'], { uid: true })
    case 'delete':
      return client.messageDelete(range, { uid: true })
    case 'move':
      return (await client.messageMove(range, after.folder, { uid: true })) !== false
  }
}

/** Neighbours as a range: a command line may be limited to 8,192 bytes (RFC 9051 §4). @param uids ascending. */
function rangeOf(uids: readonly number[]): string {
  const ranges: [first: number, last: number][] = []
  for (const uid of uids) {
    const last = ranges.at(-1)
    if (last && last[1] === uid - 1) last[1] = uid
    else ranges.push([uid, uid])
  }
  return ranges.map(([first, last]) => (first === last ? first : `${first}:${last}`)).join(',')
}

async function onServer<T>(settings: MailboxSettings, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw mailboxError(settings, error)
  }
}

/** What imapflow's errors have: how a server has answered, and why there was no answer. */
interface ImapError {
  readonly authenticationFailed?: boolean
  /** The word that may follow NO (RFC 5530): UNAVAILABLE and INUSE pass. */
  readonly serverResponseCode?: string
  readonly responseStatus?: string
  readonly code?: string
}

const passing: ReadonlySet<string> = new Set([
  'UNAVAILABLE',
  'INUSE',
  'LIMIT',
  'SERVERBUG',
  'CONTACTADMIN',
  'OVERQUOTA',
])

function mailboxError(settings: MailboxSettings, error: unknown): Error {
  const { authenticationFailed, serverResponseCode = '', responseStatus, code } = error as ImapError
  const isPassing = passing.has(serverResponseCode.toUpperCase())
  if (authenticationFailed && !isPassing)
    return new LoginRefusedError(`${settings.host}:${settings.port} refuses ${loginOf(settings)}`)
  if (responseStatus === 'NO' && !isPassing) return refusal(settings, `the folder ${settings.folder}`)
  const reason = code ?? (serverResponseCode || (responseStatus ? `it answers ${responseStatus}` : 'no answer'))
  return new MailboxUnreachableError(`${settings.host}:${settings.port} cannot be read (${reason})`)
}

const loginOf = ({ login }: MailboxSettings): string =>
  login.by === 'password'
    ? 'user and password'
    : 'the access token: check that the user in MAIL_IMAP_URL is this mailbox, and that the client may read it by IMAP'

const refusal = ({ host, port }: MailboxSettings, what: string): MailboxRefusedError =>
  new MailboxRefusedError(`${host}:${port} refuses ${what}`)
