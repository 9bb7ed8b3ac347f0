/**
 * Postfix's log as entries. A delivery's line names the queue's ID alone, so what other lines say of that ID is remembered. Line forms: as
 * Postfix 3.7 writes them (test/ingest/fixtures), smtp(8), qmgr(8), cleanup(8).
 */
import { z } from 'zod'
import type { MailServerEntry } from '../providers/mail-server/webhook.ts'
import { syslogTimeIn } from './syslog-time.ts'

const deferralForm = z.object({
  recipient: z.string(),
  code: z.string(),
  reply: z.string(),
  host: z.string().optional(),
})
const queuedForm = z.object({
  messageId: z.string().optional(),
  /** Whether `queued` was reported: the queue manager logs it with every attempt. */
  isReported: z.boolean(),
  /** A non-delivery notification of Postfix's own, whose sender is empty: no email of the application. */
  isNotification: z.boolean(),
  /** The last failure of each recipient that is still tried. */
  deferred: z.array(deferralForm),
})
type Queued = z.infer<typeof queuedForm>

/** What is remembered of the emails in the queue, by the queue's IDs; as JSON. */
export const postfixMemoryForm = z.array(z.tuple([z.string(), queuedForm]))

/** Far more than a busy server has in its queue. Of more, the oldest are forgotten: their events have no Message-ID. */
const rememberedLimit = 100_000

export interface PostfixOptions {
  /** Hosts that pass emails on, such as a smarthost: what they accept is `sent`, not `delivered`. */
  readonly relays: readonly string[]
  /** Epoch milliseconds, for the year that older time stamps leave out. */
  readonly clock: () => number
}

/** Content filters on the same machine, which hand the email back. */
const filters: readonly string[] = ['127.0.0.1', '::1', 'localhost']

const linePattern = /^(.*?) ?(?:\S+ )?postfix[^ /]*\/(?:[\w-]+\/)?(\w+)\[\d+\]: ([0-9A-Za-z]{6,}): (.*)$/
const deliveryPattern = /^to=<([^>]*)>, (?:orig_to=<[^>]*>, )?relay=([^,]+), .*?\bdsn=([\d.]+), status=(\w+) \((.*)\)$/
const quotedReply = /^host \S+\[[^\]]*\] (?:said|refused to talk to me): (.*?)(?: \(in reply to [^()]*\))?$/

export class PostfixLog {
  readonly #options: PostfixOptions
  readonly #queued: Map<string, Queued>

  constructor(options: PostfixOptions, memory: z.infer<typeof postfixMemoryForm> = []) {
    this.#options = options
    this.#queued = new Map(memory)
  }

  /** To be passed to the constructor after a restart. */
  get memory(): z.infer<typeof postfixMemoryForm> {
    return [...this.#queued]
  }

  /** The entries that a line brings; none for most lines. */
  read(line: string): MailServerEntry[] {
    const [, stamp, daemon, queueId, text] = linePattern.exec(line) ?? []
    const at = stamp === undefined ? null : syslogTimeIn(stamp, this.#options.clock())
    if (at === null || queueId === undefined || text === undefined) return []
    const [, messageId] = /^(?:resent-)?message-id=(.*)$/.exec(text) ?? []
    if (messageId !== undefined) this.#remember(queueId).messageId = /<?(\S+@[^>\s]+)>?/.exec(messageId)?.[1]
    else if (daemon === 'qmgr') return this.#ofQueueManager(queueId, text, at)
    else if (text.startsWith('to=<')) return this.#ofDelivery(queueId, text, at)
    return []
  }

  #ofQueueManager(queueId: string, text: string, at: string): MailServerEntry[] {
    if (text === 'removed') {
      this.#queued.delete(queueId)
      return []
    }
    if (!text.startsWith('from=<')) return []
    const queued = this.#remember(queueId)
    queued.isNotification ||= text.startsWith('from=<>')
    if (queued.isNotification) return []
    const common = { ...emailOf(queueId, queued), at }
    if (/\bstatus=(?:force-)?expired\b/.test(text))
      return queued.deferred.splice(0).map((last) => ({ event: 'expired', ...common, ...last }))
    if (queued.isReported || !text.endsWith('(queue active)')) return []
    queued.isReported = true
    return [{ event: 'queued', ...common }]
  }

  #ofDelivery(queueId: string, text: string, at: string): MailServerEntry[] {
    const [, recipient = '', relay = '', code = '', status = '', said = ''] = deliveryPattern.exec(text) ?? []
    const queued = this.#remember(queueId)
    const event = this.#eventOf(status, hostIn(relay))
    if (event === null || queued.isNotification) return []
    const host = relay === 'none' ? {} : { host: hostIn(relay) }
    const facts = { recipient, code, reply: quotedReply.exec(said)?.[1] ?? said, ...host }
    const others = queued.deferred.filter((deferral) => deferral.recipient !== recipient)
    queued.deferred = event === 'deferred' ? [...others, facts] : others
    return [{ event, ...emailOf(queueId, queued), at, ...facts }]
  }

  /** Null for a probe of an address, and for what a filter on this machine accepts. */
  #eventOf(status: string, host: string): MailServerEntry['event'] | null {
    if (status === 'deferred' || status === 'bounced') return status
    if (status !== 'sent' || filters.includes(host)) return null
    return this.#options.relays.includes(host) ? 'sent' : 'delivered'
  }

  #remember(queueId: string): Queued {
    const known = this.#queued.get(queueId)
    if (known) return known
    const queued: Queued = { isReported: false, isNotification: false, deferred: [] }
    this.#queued.set(queueId, queued)
    const [oldest] = this.#queued.size > rememberedLimit ? this.#queued.keys() : []
    if (oldest !== undefined) this.#queued.delete(oldest)
    return queued
  }
}

const emailOf = (queueId: string, { messageId }: Queued) => ({ queueId, ...(messageId && { messageId }) })

/** `mx.example.com` of `mx.example.com[192.0.2.1]:25`. */
const hostIn = (relay: string): string => relay.replace(/\[.*$/, '')
