import { messageOf } from '../../errors.ts'
import type { MailboxSettings } from '../../mail-settings.ts'
import { createMailboxOpener } from '../../mailboxes/mailbox.ts'
import { MailboxRefusedError } from '../../mailboxes/mailbox-errors.ts'
import { type Finding, warning, well, wrong } from './finding.ts'

/** Logs in to each mailbox and opens its folder. Changes nothing there. */
export const checkMailboxes = (mailboxes: readonly MailboxSettings[]): Promise<Finding[]> =>
  Promise.all(mailboxes.map(checkMailbox))

async function checkMailbox(settings: MailboxSettings): Promise<Finding> {
  const { name, host, port, folder } = settings
  const check = `mailbox ${name}`
  try {
    const opened = await createMailboxOpener(Date.now)({ ...settings, after: { do: 'keep' } })
    await opened.close()
    return well(check, `${host}:${port} accepts the login and opens ${folder}`)
  } catch (error) {
    if (error instanceof MailboxRefusedError) {
      return wrong(
        check,
        messageOf(error),
        'compare the variables MAIL_IMAP_… of the mailbox with the mail server: in the URL, user and password are percent-encoded',
      )
    }
    return warning(check, messageOf(error), 'check that it can be reached; its mails wait there, and are read later')
  }
}
