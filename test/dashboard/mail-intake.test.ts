import assert from 'node:assert/strict'
import { recordMailboxFailure, recordMails } from '../../src/db/mailboxes.ts'
import { useDatabase } from '../stack.ts'
import { useDashboard } from './visitor.ts'

describe('the setup page, of mail intake,', () => {
  const { db } = useDatabase('mailboxes')
  const smtpIntake = 'Mail for MAIL_RECIPIENTS is taken by LMTP on port 2525.'
  const { visitor } = useDashboard(() => ({ db, smtpIntake }))

  const textOf = async () => (await visitor.html('/setup')).replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ')

  it('shows what takes mail, and of each mailbox what was read and when', async () => {
    assert.match(await textOf(), /Mail intake Mail for MAIL_RECIPIENTS is taken by LMTP on port 2525\./)
    const mailbox = { name: 'shop', project: 'default', folderId: 'f/1', lastUid: 12_483 }
    await recordMails(db, { ...mailbox, mails: 12_481, skipped: 2 })
    const text = await textOf()
    assert.match(text, /Mailbox shop Mails 12,481 mails read, 2 left unread Last mail .*Last read /)
    assert.doesNotMatch(text, /Not read/)
  })

  it('shows why a mailbox is not read, and since when', async () => {
    const failing = { name: 'shop', project: 'default', isRefused: true }
    await recordMailboxFailure(db, { ...failing, failure: 'imap.example.com:993 refuses user and password' })
    assert.match(await textOf(), /Not read imap\.example\.com:993 refuses user and password, since /)
  })
})
