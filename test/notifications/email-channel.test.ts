import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { NoticeRefusedError } from '../../src/notifications/channel.ts'
import { createEmailChannel } from '../../src/notifications/email-channel.ts'
import { SupportUnreachableError } from '../../src/notifications/errors.ts'
import { sampleNotice } from './sample-notice.ts'

const smtpError = (responseCode: number) =>
  Object.assign(new Error('mailbox ada@example.com is not available'), { responseCode })

describe('the email channel', () => {
  const messages: string[] = []
  const closers: (() => void)[] = []

  /** Starts a real SMTP server that collects messages; `options` say what it refuses. @returns its URL. */
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

  it('sends the email and what to do as plain text, with a subject without addresses', async () => {
    const smtpUrl = await startServer()
    await createEmailChannel({ to: 'support@example.org', smtpUrl }).send(sampleNotice({ subject: 'Your code' }))
    assert.equal(header('Subject'), 'Critical email em_42: no delivery was reported in time')
    assert.equal(header('To'), 'support@example.org')
    assert.equal(header('From'), 'Aftersend <aftersend@example.org>')
    assert.equal(header('Auto-Submitted'), 'auto-generated')
    assert.match(header('Content-Type') ?? '', /^text\/plain; charset=utf-8/)
    const message = (messages[0] ?? '').replaceAll('=\r\n', '')
    assert.match(message, /ada@example\.com/)
    assert.match(message, /What to do: /)
  })

  it('sends as the SMTP user if that is an address', async () => {
    const login = 'postmaster%40example.net:pw@'
    const smtpUrl = await startServer(
      { authOptional: false, allowInsecureAuth: true, onAuth: (auth, _s, done) => done(null, { user: auth.username }) },
      login,
    )
    await createEmailChannel({ to: 'support@example.org', smtpUrl }).send(sampleNotice())
    assert.equal(header('From'), 'Aftersend <postmaster@example.net>')
  })

  it('uses the same Message-ID for all attempts of a notice, and another for the next notice', async () => {
    const channel = createEmailChannel({ to: 'support@example.org', smtpUrl: await startServer() })
    const ids: (string | undefined)[] = []
    for (const id of ['email/grüße ✉(\r\nBcc: x)', 'email/grüße ✉(\r\nBcc: x)', 'esc_7.2']) {
      await channel.send(sampleNotice({ id }))
      ids.push(header('Message-ID'))
    }
    assert.match(ids[0] ?? '', /^<aftersend\.[0-9a-f]{40}@example\.org>$/)
    assert.equal(ids[0], ids[1])
    assert.notEqual(ids[0], ids[2])
  })

  it('treats a 5xx reply as final, and does not quote the server', async () => {
    const smtpUrl = await startServer({ onRcptTo: (_address, _session, done) => done(smtpError(550)) })
    await assert.rejects(
      createEmailChannel({ to: 'support@example.org', smtpUrl }).send(sampleNotice()),
      (error: Error) => {
        assert.ok(error instanceof NoticeRefusedError)
        assert.match(error.message, /550/)
        assert.ok(!/@/.test(error.message) && error.cause === undefined)
        return true
      },
    )
  })

  it('sends nothing to a server without TLS where that is required, and says what to do', async () => {
    const smtpUrl = await startServer()
    const channel = createEmailChannel({ to: 'support@example.org', smtpUrl, requiresTls: true })
    await assert.rejects(
      channel.send(sampleNotice()),
      (error) => error instanceof SupportUnreachableError && /ALLOW_INSECURE/.test(error.message),
    )
    assert.deepEqual(messages, [])
  })

  it('treats a 4xx reply as retryable', async () => {
    const smtpUrl = await startServer({ onRcptTo: (_address, _session, done) => done(smtpError(451)) })
    const channel = createEmailChannel({ to: 'support@example.org', smtpUrl })
    await assert.rejects(channel.send(sampleNotice()), SupportUnreachableError)
  })

  it('treats an unreachable server as retryable', async () => {
    const smtpUrl = await startServer()
    for (const close of closers.splice(0)) close()
    const channel = createEmailChannel({ to: 'support@example.org', smtpUrl, timeoutMs: 500 })
    await assert.rejects(channel.send(sampleNotice()), SupportUnreachableError)
  })

  it('gives up on a server that connects and then sends nothing', async () => {
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
    await assert.rejects(channel.send(sampleNotice()), SupportUnreachableError)
    assert.ok(performance.now() - started < 3_000)
  })
})
