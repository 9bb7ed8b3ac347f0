import assert from 'node:assert/strict'
import { checkMailboxes } from '../../src/cli/doctor/mailboxes.ts'
import type { MailboxSettings } from '../../src/mail-settings.ts'
import { ImapStandIn } from '../stand-ins/imap.ts'

describe('what aftersend doctor finds of a mailbox', () => {
  const server = new ImapStandIn()
  let settings: MailboxSettings
  before(async () => {
    settings = {
      ...{ name: 'default', project: 'default', account: null, everyMs: 1, isSecure: false },
      ...{ host: '127.0.0.1', port: await server.listen(), user: server.user, login: server.login },
      ...{ folder: 'INBOX', after: { do: 'delete' } },
    }
  })
  after(() => server.close())

  const find = async (changes: Partial<MailboxSettings> = {}) =>
    (await checkMailboxes([{ ...settings, ...changes }]))[0]

  it('is that it accepts the login, and nothing is changed there', async () => {
    assert.equal((await find())?.state, 'well')
    assert.ok(server.commands.includes('EXAMINE INBOX'))
  })

  it('is that it refuses the password or the folder, or is away', async () => {
    const wrong = await find({ login: { by: 'password', password: 'wrong-password' } })
    assert.equal(wrong?.state, 'wrong')
    assert.doesNotMatch(JSON.stringify(wrong), /wrong-password|bounces@/)
    assert.match((await find({ folder: 'Nowhere' }))?.found ?? '', /refuses the folder Nowhere/)
    assert.equal((await find({ port: 1 }))?.state, 'warning')
  })
})
