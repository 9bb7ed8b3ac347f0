/** What takes a whole mail, however it comes: by HTTP, by SMTP or LMTP, or from a mailbox by IMAP. */
import type { Database } from '../db/database.ts'
import { findReportedEmail } from '../db/reported-emails.ts'
import { inTime } from '../db/request-deadline.ts'
import { erasedAddress } from '../domain/address.ts'
import type { MailAttachment } from '../domain/mail-attachment.ts'
import { idInReturnPath } from '../domain/return-path.ts'
import type { Inbox } from '../inbox/inbox.ts'
import type { MailKind, Metrics } from '../metrics.ts'
import { messageIdIn } from '../providers/custom-fields.ts'
import { emailIdsOf } from '../providers/registry.ts'
import { authenticatedDomain } from './authentication-results.ts'
import { deliveredTo } from './delivered-to.ts'
import { eventsOfReport } from './mail-events.ts'
import { type MailReport, reportIn } from './mail-report.ts'
import { type Mail, mayBeDmarcReport, readMail, UnreadableMailError } from './read-mail.ts'

interface IncomingMail {
  /** The bytes of the whole mail, headers first (RFC 5322). */
  readonly raw: Buffer
  /** To whom the mail was handed over by SMTP or LMTP; null if only its headers are known. */
  readonly envelope: { readonly to: readonly string[] } | null
  readonly project: string
  /** The further account whose intake received it, such as `eu`; null for the first one. */
  readonly account: string | null
}

interface MailReceipt {
  /** New events. */
  readonly received: number
  /** Events that were known: the same report came before, or by another way. */
  readonly duplicates: number
  /** DMARC reports that were stored. */
  readonly reports: number
}

/**
 * Stores what a mail reports. Resolves after the commit. A mail that is about no email, and one that cannot be read, report nothing.
 * @throws DatabaseUnavailableError when the commit was not confirmed: the mail must be sent, or fetched, again.
 */
export type ReceiveMail = (mail: IncomingMail) => Promise<MailReceipt>

export interface MailDependencies {
  readonly db: Database
  readonly inbox: Pick<Inbox, 'append'>
  readonly metrics: Pick<Metrics, 'mailsTotal'>
  /** Epoch milliseconds. */
  readonly clock: () => number
  /** Return paths with `{id}`, such as `bounce+{id}@bounces.example.com`. */
  readonly returnPaths: readonly string[]
  /** The name under which the own mail server states who vouches for a mail (RFC 8601), in lower case. Null, the default: nothing is read of it. */
  readonly authservId?: string | null
  /** Stores the DMARC reports among attachments, and returns how many there were. Default: none are stored. */
  readonly storeReports?: (attachments: readonly MailAttachment[], from: ReportSender) => Promise<number>
}

export interface ReportSender {
  readonly project: string
  /** The domain that vouches for the mail; empty: none does; null: nothing says so. */
  readonly authenticatedAs: string | null
}

/** Takes whole mails: stores the DMARC reports in their attachments, finds the email that they report about, and appends its events. */
export const createReceiveMail =
  ({
    db,
    inbox,
    metrics,
    clock,
    returnPaths,
    authservId = null,
    storeReports = noReports,
  }: MailDependencies): ReceiveMail =>
  async (incoming) => {
    const mail = await readOrNull(incoming.raw)
    if (mail === null) return counted(metrics, 'unreadable', nothing)
    const attachments = mail.parts.filter(mayBeDmarcReport)
    const authenticatedAs = authservId && authenticatedDomain(mail.fields, authservId)
    const from = { project: incoming.project, authenticatedAs }
    const reports = attachments.length === 0 ? 0 : await storeReports(attachments, from)
    const report = reportIn(mail)
    if (report === null) return counted(metrics, reports > 0 ? 'dmarc' : 'other', { ...nothing, reports })
    const returnPathId = idInReturnPath(returnPaths, deliveredTo(incoming.envelope?.to ?? null, mail))
    const { project, account } = incoming
    const email = await findEmailOf(db, project, report, returnPathId)
    if (email === null && returnPathId === null && mustNameReturnPath(report, returnPaths)) {
      return counted(metrics, 'unmatched', { ...nothing, reports })
    }
    const events = eventsOfReport(report, { email, returnPathId, project, account, receivedAt: clock() })
    const appended = events.length === 0 ? nothing : await inbox.append(events)
    return counted(metrics, events.length === 0 ? 'unmatched' : report.kind, { ...appended, reports })
  }

const nothing: MailReceipt = { received: 0, duplicates: 0, reports: 0 }

const noReports = async (): Promise<number> => 0

function counted({ mailsTotal }: Pick<Metrics, 'mailsTotal'>, kind: MailKind, receipt: MailReceipt): MailReceipt {
  mailsTotal.inc({ kind })
  return receipt
}

async function readOrNull(raw: Buffer): Promise<Mail | null> {
  try {
    return await readMail(raw)
  } catch (error) {
    // Another attempt would fail too, so whoever sends it must not send it again.
    if (error instanceof UnreadableMailError) return null
    throw error
  }
}

/** Failures of emails with such a return path come to it. What comes elsewhere, about an email that nobody knows, anyone may have made up. */
const mustNameReturnPath = (report: MailReport, returnPaths: readonly string[]): boolean =>
  report.kind === 'delivery' && returnPaths.length > 0

async function findEmailOf(db: Database, project: string, { email }: MailReport, returnPathId: string | null) {
  const names = [returnPathId, ...email.messageIds, email.envelopeId].filter((name) => name !== null)
  const ids = [...new Set(names.flatMap((name) => emailIdsOf(name, undefined)))]
  const messageIds = email.messageIds.flatMap((id) => messageIdIn(id) ?? [])
  const found = await inTime(() => findReportedEmail(db, { project, ids, messageIds }))
  return found && { ...found, recipients: found.recipients.filter((address) => address !== erasedAddress) }
}
