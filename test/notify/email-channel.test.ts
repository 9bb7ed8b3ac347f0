import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { createEmailChannel } from '../../src/notify/email-channel.ts'
import { SupportUnreachableError } from '../../src/notify/errors.ts'
import { NoticeRefusedError } from '../../src/notify/support.ts'
import { sampleNotice } from './sample-notice.ts'

const smtpError = (responseCode: number) =>
  Object.assign(new Error('mailbox ada@example.com says no'), { responseCode })

describe('the email channel', () => {
  const messages: string[] = []
  const closers: (() => void)[] = []

  /** A real SMTP server that keeps what it takes; `options` say what it refuses. Answers its URL. */
  async function startServer(options: SMTPServerOptions = {}, login = ''): Promise<string> {
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      logger: false,
      onData: (stream, _session, done) => {
        text(stream).then((message) => {
          messages.push(message)
          done()
        }, done)
      },
      ...options,
    })
    server.on('error', () => {})
    const listening = server.listen(0, '127.0.0.1')
    await once(listening, 'listening')
    closers.push(() => server.close())
    return `smtp://${login}127.0.0.1:${(listening.address() as AddressInfo).port}`
  }

  beforeEach(() => void messages.splice(0))
  afterEach(() => {
    for (const close of closers.splice(0)) close()
  })

  const unfolded = (message = '') => message.replaceAll(/\r\n(?=[ \t])/g, '')
  const header = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'im').exec(unfolded(messages.at(-1)))?.[1]

  it('sends plain text that says which email and what to do, with a subject that names no address', async () => {
    const smtpUrl = await startServer()
    await createEmailChannel({ to: 'support@example.org', smtpUrl }).tell(sampleNotice({ subject: 'Your code' }))
    assert.equal(header('Subject'), 'Critical email em_42: no word on its delivery')
    assert.equal(header('To'), 'support@example.org')
    assert.equal(header('From'), 'Aftersend <aftersend@example.org>')
    assert.equal(header('Auto-Submitted'), 'auto-generated')
    assert.match(header('Content-Type') ?? '', /^text\/plain; charset=utf-8/)
    const message = (messages[0] ?? '').replaceAll('=\r\n', '')
    assert.match(message, /ada@example\.com/)
    assert.match(message, /What to do: /)
  })

  it('writes as the SMTP user where that is an address', async () => {
    const login = 'postmaster%40example.net:pw@'
    const smtpUrl = await startServer(
      { authOptional: false, allowInsecureAuth: true, onAuth: (auth, _s, done) => done(null, { user: auth.username }) },
      login,
    )
    await createEmailChannel({ to: 'support@example.org', smtpUrl }).tell(sampleNotice())
    assert.equal(header('From'), 'Aftersend <postmaster@example.net>')
  })

  it('keeps the Message-ID across tries of one notice, and changes it with the notice', async () => {
    const channel = createEmailChannel({ to: 'support@example.org', smtpUrl: await startServer() })
    const ids: (string | undefined)[] = []
    for (const id of ['email/grüße ✉(\r\nBcc: x)', 'email/grüße ✉(\r\nBcc: x)', 'esc_7.2']) {
      await channel.tell(sampleNotice({ id }))
      ids.push(header('Message-ID'))
    }
    assert.match(ids[0] ?? '', /^<aftersend\.[0-9a-f]{40}@example\.org>$/)
    assert.equal(ids[0], ids[1])
    assert.notEqual(ids[0], ids[2])
  })

  it('takes a 5xx reply as final, and tells none of the server’s words', async () => {
    const smtpUrl = await startServer({ onRcptTo: (_address, _session, done) => done(smtpError(550)) })
    await assert.rejects(
      createEmailChannel({ to: 'support@example.org', smtpUrl }).tell(sampleNotice()),
      (error: Error) => {
        assert.ok(error instanceof NoticeRefusedError)
        assert.match(error.message, /550/)
        assert.ok(!/@/.test(error.message) && error.cause === undefined)
        return true
      },
    )
  })

  it('leaves a 4xx reply to be tried again', async () => {
    const smtpUrl = await startServer({ onRcptTo: (_address, _session, done) => done(smtpError(451)) })
    const channel = createEmailChannel({ to: 'support@example.org', smtpUrl })
    await assert.rejects(channel.tell(sampleNotice()), SupportUnreachableError)
  })

  it('leaves a server that is not there to be tried again', async () => {
    const smtpUrl = await startServer()
    for (const close of closers.splice(0)) close()
    const channel = createEmailChannel({ to: 'support@example.org', smtpUrl, timeoutMs: 500 })
    await assert.rejects(channel.tell(sampleNotice()), SupportUnreachableError)
  })

  it('cuts a server that connects and then says nothing', async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const sockets: { destroy(): void }[] = []
    silent.on('connection', (socket) => sockets.push(socket))
    closers.push(() => {
      for (const socket of sockets) socket.destroy()
      silent.close()
    })
    const smtpUrl = `smtp://127.0.0.1:${(silent.address() as AddressInfo).port}`
    const started = performance.now()
    const channel = createEmailChannel({ to: 'support@example.org', smtpUrl, timeoutMs: 100 })
    await assert.rejects(channel.tell(sampleNotice()), SupportUnreachableError)
    assert.ok(performance.now() - started < 3_000)
  })
})
