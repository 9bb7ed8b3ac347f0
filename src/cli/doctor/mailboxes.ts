import { messageOf } from '../../errors.ts'
import type { MailboxSettings } from '../../mail-settings.ts'
import { MailboxRefusedError, openMailbox } from '../../mailboxes/mailbox.ts'
import { type Finding, warning, well, wrong } from './finding.ts'

/** Logs in to each mailbox and opens its folder. Changes nothing there. */
export const checkMailboxes = (mailboxes: readonly MailboxSettings[]): Promise<Finding[]> =>
  Promise.all(mailboxes.map(checkMailbox))

async function checkMailbox(settings: MailboxSettings): Promise<Finding> {
  const { name, host, port, folder } = settings
  const check = `mailbox ${name}`
  try {
    const opened = await openMailbox({ ...settings, after: { do: 'keep' } })
    await opened.close()
    return well(check, `${host}:${port} accepts the login and opens ${folder}`)
  } catch (error) {
    if (error instanceof MailboxRefusedError) {
      return wrong(
        check,
        messageOf(error),
        'compare MAIL_IMAP_URL with the mail server: user and password are percent-encoded',
      )
    }
    return warning(check, messageOf(error), 'check that it can be reached; its mails wait there, and are read later')
  }
}
