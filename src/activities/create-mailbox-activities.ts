/** Reads mailboxes by IMAP, page by page. A page's mails are stored first, then finished with, then the cursor moves past them. */
import { ApplicationFailure, cancellationSignal, heartbeat } from '@temporalio/activity'
import { type Database, isUnavailable } from '../db/database.ts'
import { clearOtherMailboxFailures, readMailboxCursor, recordMailboxFailure, recordMails } from '../db/mailboxes.ts'
import { DatabaseUnavailableError } from '../errors.ts'
import type { MailboxSettings } from '../mail-settings.ts'
import type { OpenMailbox, OpenMailboxOf } from '../mailboxes/mailbox.ts'
import { MailboxRefusedError, MailboxUnreachableError } from '../mailboxes/mailbox-errors.ts'
import { onDatabase } from './database-failure.ts'
import type { MailboxActivities, MailboxRead } from './mailbox-activities.ts'

interface FetchedMail {
  readonly raw: Buffer
  /** Only the headers are known. */
  readonly envelope: null
  readonly project: string
  readonly account: string | null
}

export interface MailboxDependencies {
  readonly db: Database
  readonly mailboxes: readonly MailboxSettings[]
  readonly openMailbox: OpenMailboxOf
  /** Stores what a mail reports. Resolves after the commit. @throws DatabaseUnavailableError when the commit was not confirmed. */
  readonly receiveMail: (mail: FetchedMail) => Promise<Pick<MailboxRead, 'received' | 'duplicates' | 'reports'>>
  /** Called with what became of each mail. */
  readonly onMail?: (outcome: 'accepted' | 'skipped') => void
  /** Epoch milliseconds. */
  readonly clock: () => number
}

/** One activity reads for so long; its successor goes on from the stored cursor. */
const activityMs = 60_000

const pageSize = 50

/** A refused login is tried again so often: mail servers lock those who insist. */
const refusedRetryMs = 5 * 60_000

export const createMailboxActivities = (dependencies: MailboxDependencies): MailboxActivities => ({
  async configuredMailboxes() {
    const names = dependencies.mailboxes.map(({ name }) => name)
    await onDatabase('MailboxesRejected', () => clearOtherMailboxFailures(dependencies.db, names))
    return names
  },

  async readMailbox({ mailbox }) {
    const settings = dependencies.mailboxes.find(({ name }) => name === mailbox)
    if (!settings) return { nextInMs: null, ...nothing }
    try {
      const opened = await dependencies.openMailbox(settings)
      heartbeat()
      try {
        return await readNew(dependencies, settings, opened)
      } finally {
        await opened.close()
      }
    } catch (error) {
      throw await failureOf(dependencies, settings, error)
    }
  },
})

type Counts = Omit<MailboxRead, 'nextInMs'>

const nothing: Counts = { mails: 0, received: 0, duplicates: 0, reports: 0, skipped: 0 }

async function readNew(
  dependencies: MailboxDependencies,
  settings: MailboxSettings,
  opened: OpenMailbox,
): Promise<MailboxRead> {
  const { db, clock } = dependencies
  const { name, project } = settings
  const { folderId } = opened
  const endsAt = clock() + activityMs
  const cursor = await onDatabase('MailboxUnreadable', () => readMailboxCursor(db, name))
  let lastUid = cursor?.folderId === folderId ? cursor.lastUid : 0
  const uids = await opened.findAbove(lastUid)
  heartbeat()
  let sum = nothing
  let first = 0
  do {
    const page = uids.slice(first, first + pageSize)
    first += page.length
    const counts = page.length === 0 ? nothing : await readPage(dependencies, settings, opened, page)
    lastUid = page.at(-1) ?? lastUid
    const { mails, skipped } = counts
    await onDatabase('MailboxRejected', () => recordMails(db, { name, project, folderId, lastUid, mails, skipped }))
    sum = added(sum, counts)
    // A worker that stops has moved the cursor, and another one goes on.
  } while (first < uids.length && clock() < endsAt && !cancellationSignal().aborted)
  return { nextInMs: first < uids.length ? 0 : settings.everyMs, ...sum }
}

/**
 * Stores what the mails of a page report, and finishes with them.
 * @throws if no mail of the page can be stored: the cause may be another than the mails, and nothing is skipped for it. Where others can be
 * stored, one that cannot is left in the mailbox, so that it does not hold up all that come after it.
 */
async function readPage(
  { receiveMail, onMail = () => {} }: MailboxDependencies,
  { project, account }: MailboxSettings,
  opened: OpenMailbox,
  page: readonly number[],
): Promise<Counts> {
  const stored: number[] = []
  let counts = nothing
  let failure: unknown = null
  const skip = () => {
    counts = { ...counts, skipped: counts.skipped + 1 }
    onMail('skipped')
  }
  for await (const { uid, raw } of opened.read(page)) {
    heartbeat()
    try {
      if (raw === null) skip()
      else {
        counts = added(counts, {
          ...(await receiveMail({ raw, envelope: null, project, account })),
          mails: 1,
          skipped: 0,
        })
        stored.push(uid)
        onMail('accepted')
      }
    } catch (error) {
      if (isDatabaseAway(error)) throw error
      failure = error
      skip()
    }
  }
  if (failure !== null && stored.length === 0) throw failure
  await opened.finish(stored)
  return counts
}

const added = (one: Counts, other: Counts): Counts => ({
  mails: one.mails + other.mails,
  received: one.received + other.received,
  duplicates: one.duplicates + other.duplicates,
  reports: one.reports + other.reports,
  skipped: one.skipped + other.skipped,
})

const isDatabaseAway = (error: unknown): boolean => error instanceof DatabaseUnavailableError || isUnavailable(error)

/** Records why a mailbox cannot be read, for the incident and the setup page. @returns the failure, which Temporal retries. */
async function failureOf(
  { db }: MailboxDependencies,
  { name, project }: MailboxSettings,
  error: unknown,
): Promise<ApplicationFailure> {
  if (error instanceof ApplicationFailure) return error
  const isRefused = error instanceof MailboxRefusedError
  // First, since its message may name a code that the database's errors have too.
  const isOfServer = isRefused || error instanceof MailboxUnreachableError
  if (!isOfServer && isDatabaseAway(error)) {
    return ApplicationFailure.retryable('PostgreSQL is unreachable', 'DatabaseUnavailable')
  }
  // Another error's message may quote the mail.
  const failure = isOfServer
    ? error.message
    : `its mails cannot be stored (${error instanceof Error ? error.name : 'unknown error'})`
  await onDatabase('MailboxRejected', () => recordMailboxFailure(db, { name, project, failure, isRefused }))
  return ApplicationFailure.create({
    message: failure,
    type: isRefused ? 'MailboxRefused' : isOfServer ? 'MailboxUnreachable' : 'MailRejected',
    ...(isRefused && { nextRetryDelay: refusedRetryMs }),
  })
}
