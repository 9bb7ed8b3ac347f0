/** Delivers notices and changes of state to a channel, once each. Used by the workflows' activities, and by the API for its own incidents. */
import { setTimeout as pause } from 'node:timers/promises'
import { type Database, isUnavailable } from '../db/database.ts'
import { type MessagesKey, readShownMessage, recordShown } from '../db/notifications.ts'
import { everything, routeOf } from '../domain/notice-routing.ts'
import { type MessageReference, NoticeRefusedError, type SupportChannel, type SupportNotice } from './channel.ts'
import { SupportUnreachableError } from './errors.ts'
import { type NoticeKey, readContent, readNotice, recordOutcome } from './notices.ts'

export interface DeliveryOptions {
  readonly db: Database
  /** Epoch milliseconds. */
  readonly clock: () => number
}

export type Delivery = 'told' | 'told_before' | 'skipped' | 'held'

/**
 * Sends a notice unless the channel has it, does not take it, or holds it. Then shows what has changed while it was sent.
 * @throws what the channel throws; a refusal is recorded before.
 */
export async function deliverNotice(
  options: DeliveryOptions,
  channel: SupportChannel,
  { escalationId, notice }: Omit<NoticeKey, 'channel'>,
): Promise<Delivery> {
  const { db, clock } = options
  const key = { escalationId, notice, channel: channel.name }
  const pending = await readNotice(db, key)
  if (pending === null) return 'told_before'
  const { content, first } = pending
  const route = routeOf(content, channel.routing ?? everything, clock())
  if (route.do === 'skip') {
    await recordOutcome(db, key, { isSkipped: true })
    return 'skipped'
  }
  if (route.do === 'hold') {
    await recordOutcome(db, key, { heldUntil: new Date(route.until) })
    return 'held'
  }
  const reference = await sentOrRefused(
    () => channel.send(content, first),
    () => recordOutcome(db, key, { isRefused: true }),
  )
  await persistently(() => recordSent(db, channel, content, reference || null))
  await showState(options, channel, escalationId)
  return 'told'
}

/** With the timeout of a connection, these take less than an attempt of an activity has left. */
const recordAttempts = 4
const recordAgainMs = 1_000

/**
 * Tries again soon while PostgreSQL is unavailable: what is sent and not recorded would be sent again, and Slack and Teams would show it
 * twice.
 */
async function persistently(record: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await record()
      return
    } catch (error) {
      if (attempt === recordAttempts || !isUnavailable(error)) throw error
      await pause(recordAgainMs)
    }
  }
}

/** Records a notice as sent, with what its message shows. */
async function recordSent(
  db: Database,
  channel: SupportChannel,
  content: SupportNotice,
  reference: MessageReference,
): Promise<void> {
  const { escalationId, notice, version } = content
  const shownVersion = channel.showState && content.state !== 'resolved' ? version : null
  // The earlier messages show it too: the channel has changed them.
  if (notice > 1) await recordShown(db, { escalationId, channel: channel.name }, shownVersion, reference)
  await recordOutcome(db, { escalationId, notice, channel: channel.name }, { reference, shownVersion })
}

/**
 * Shows the escalation's present state on the channel, where its messages show an earlier one. What is shown is read again afterwards: of
 * two that run at once, the last one sees what the other has missed.
 * @returns how many changes were shown.
 * @throws what the channel throws. After a refusal its messages follow the escalation no more.
 */
export async function showState(
  { db }: Pick<DeliveryOptions, 'db'>,
  channel: SupportChannel,
  escalationId: string,
): Promise<number> {
  const key: MessagesKey = { escalationId, channel: channel.name }
  const { showState: show } = channel
  for (let shown = 0; ; shown += 1) {
    const message = show ? await readShownMessage(db, key) : null
    if (!show || message === null) return shown
    const content = await readContent(db, escalationId, message.notice)
    if (content.version <= message.shownVersion) return shown
    const reference = await sentOrRefused(
      () => show(content, message.reference),
      () => recordShown(db, key, null, message.reference),
    )
    await recordShown(db, key, content.state === 'resolved' ? null : content.version, reference)
  }
}

/**
 * @param onRefused called before the error of a final refusal is thrown.
 * @throws NoticeRefusedError; SupportUnreachableError for all else, so that no channel's own text gets further.
 */
async function sentOrRefused<T>(send: () => Promise<T>, onRefused: () => Promise<unknown>): Promise<T> {
  try {
    return await send()
  } catch (error) {
    if (error instanceof NoticeRefusedError) await onRefused()
    else if (!(error instanceof SupportUnreachableError)) throw new SupportUnreachableError('the channel failed')
    throw error
  }
}
