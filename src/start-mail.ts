/** Whole mails: SMTP or LMTP → the API, IMAP → the worker; both → events in PostgreSQL. */
import { createMailboxActivities } from './activities/create-mailbox-activities.ts'
import type { MailboxActivities } from './activities/mailbox-activities.ts'
import type { Config } from './config.ts'
import type { Database } from './db/database.ts'
import { storeDmarcReports } from './db/dmarc-reports.ts'
import { insertEvents } from './db/events.ts'
import type { MailAttachment } from './domain/mail-attachment.ts'
import { dmarcReportsIn } from './domains/dmarc-reports.ts'
import { UnreadableReportError } from './domains/unreadable-report.ts'
import { createAppend } from './inbox/append-events.ts'
import type { Inbox } from './inbox/inbox.ts'
import { createReceiveMail, type ReceiveMail, type ReportSender } from './mail/receive-mail.ts'
import { createSmtpIntake } from './mail/smtp-intake.ts'
import { createMailboxOpener } from './mailboxes/mailbox.ts'
import type { Metrics } from './metrics.ts'
import type { SharedParts, SystemOptions } from './system-options.ts'

interface ReceivingParts {
  readonly db: Database
  readonly inbox: Pick<Inbox, 'append'>
  readonly metrics: Metrics
  readonly clock: () => number
}

/** For all intakes alike, so that a report is the same by each of them. */
export const receiveMailOf = ({ mail }: Config, parts: ReceivingParts): ReceiveMail =>
  createReceiveMail({
    ...{ ...parts, returnPaths: mail.returnPaths, authservId: mail.authservId },
    storeReports: storeReportsIn(parts.db),
  })

/** DMARC reports among the attachments of a mail. A file that only looks like one is passed over, as any mail that reports nothing. */
const storeReportsIn =
  (db: Database) =>
  async (attachments: readonly MailAttachment[], { project, authenticatedAs }: ReportSender): Promise<number> => {
    let count = 0
    for (const attachment of attachments) {
      const reports = await dmarcReportsIn([attachment]).catch((error) => {
        if (error instanceof UnreadableReportError) return []
        throw error
      })
      await storeDmarcReports(db, project, reports, authenticatedAs)
      count += reports.length
    }
    return count
  }

/**
 * Starts to take mail by SMTP or LMTP, if that is configured.
 * @throws ConfigurationError if the port is in use, or the certificate cannot be read.
 */
export async function startSmtpIntake(
  { config, log }: Pick<SystemOptions, 'config' | 'log'>,
  { metrics, receiveMail }: Pick<SharedParts, 'metrics'> & { readonly receiveMail: ReceiveMail },
): Promise<{ close(options: { readonly graceMs: number }): Promise<void> } | null> {
  const { smtp: settings } = config.mail
  if (settings === null) return null
  const intake = createSmtpIntake({
    ...{ settings, receiveMail, log },
    onMail: (outcome) => metrics.mailIntakeTotal.inc({ intake: settings.isLmtp ? 'lmtp' : 'smtp', outcome }),
  })
  await intake.listen()
  return intake
}

/** For the setup page, without recipients: they may be of other projects. Null if no mail is taken so. */
export const smtpIntakeLabel = ({ mail: { smtp } }: Config): string | null =>
  smtp && `Mail for MAIL_RECIPIENTS is taken by ${smtp.isLmtp ? 'LMTP' : 'SMTP'} on port ${smtp.port}.`

/** Events from mailboxes are not claimed: an API finds them, and signals them to their emails' workflows as it does with any other. */
export function mailboxActivities(config: Config, db: Database, metrics: Metrics): MailboxActivities {
  const append = createAppend({
    ...{ metrics, maxEventAgeMs: config.maxEventAgeMs },
    insert: (events) => insertEvents(db, events, () => false),
  })
  return createMailboxActivities({
    ...{ db, openMailbox: createMailboxOpener(Date.now), mailboxes: config.mail.mailboxes, clock: Date.now },
    receiveMail: receiveMailOf(config, { db, metrics, inbox: { append }, clock: Date.now }),
    onMail: (outcome) => metrics.mailIntakeTotal.inc({ intake: 'imap', outcome }),
  })
}
