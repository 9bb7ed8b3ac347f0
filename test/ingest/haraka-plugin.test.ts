import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mailServer } from '../../src/providers/mail-server/webhook.ts'
import { outcomeOf, parsed } from '../providers/adapter.ts'

const plugin = createRequire(import.meta.url)('../../integrations/haraka/aftersend.js')

/** As Haraka 3.3.4 called the hooks, seen with a server that accepts, refuses and defers. */
const refused = {
  ...{ user: 'nobody', host: 'example.test', reason: '550 5.1.1 User unknown', dsn_remote_mta: 'mx.example.test' },
  ...{ dsn_status: '5.1.1', dsn_smtp_code: '550' },
}
const mailTo = (...recipients: object[]) => ({
  todo: {
    uuid: '0B0FA7B4.1.1',
    mail_from: { user: 'hello' },
    rcpt_to: recipients,
    notes: { aftersend_message_id: '<m@example.com>' },
  },
})

describe('the plugin for Haraka', () => {
  let folder: string
  let log: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'haraka-'))
    log = join(folder, 'log.jsonl')
    plugin.register.call({ config: { get: () => ({ main: { log } }) } })
  })
  afterEach(() => rm(folder, { recursive: true }))

  const run = (hook: string, ...given: unknown[]) =>
    new Promise<void>((resolve) => plugin[hook].call({ logerror: assert.fail }, resolve, ...given))
  const written = async () => {
    const lines = (await readFile(log, 'utf8')).trimEnd().split('\n')
    return parsed(
      mailServer,
      lines.map((line) => JSON.parse(line)),
    ).map((event) => ({ emailId: event.emailId, ...outcomeOf(event) }))
  }

  it('writes what happened to each recipient, under the Message-ID', async () => {
    const accepted = { user: 'ok', host: 'example.test' }
    await run('hook_delivered', mailTo(accepted), ['mx.example.test', '192.0.2.1', 'Ok', 1, 25, 'SMTP', [accepted]])
    await run(
      'hook_bounce',
      mailTo(refused),
      Object.assign(new Error('Some recipients failed'), { bounced_rcpt: [refused] }),
    )
    const emailId = 'm@example.com'
    assert.deepEqual(await written(), [
      { emailId, type: 'delivered', recipient: 'ok@example.test' },
      { emailId, type: 'bounced', recipient: 'nobody@example.test', bounce: 'hard 5.1.1 bounced' },
    ])
  })

  it('does not hold a last deferral against the recipient', async () => {
    const deferred = { ...refused, reason: undefined, dsn_status: '5.1.2' }
    await run('hook_deferred', mailTo(deferred), { err: 'Tried all MXs' })
    await run('hook_bounce', mailTo(deferred), new Error('Too many failures (Tried all MXs)'))
    const [first, last] = await written()
    assert.deepEqual([first?.bounce, last?.bounce], ['soft 5.1.2 deferred', 'soft 5.1.2 failed'])
  })

  it('takes the Message-ID from the incoming message', async () => {
    const transaction = { notes: {} as Record<string, string>, header: { get: () => '<a@b>\n' } }
    await run('hook_data_post', { transaction })
    assert.equal(transaction.notes['aftersend_message_id'], '<a@b>')
  })

  it('writes nothing about bounce messages, which have no sender', async () => {
    const mail = mailTo(refused)
    await run('hook_bounce', { todo: { ...mail.todo, mail_from: { user: '' } } }, new Error('refused'))
    await assert.rejects(readFile(log))
  })
})
