import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { createTransport, type SentMessageInfo } from 'nodemailer'
import { DatabaseUnavailableError } from '../../src/errors.ts'
import type { ReceiveMail } from '../../src/mail/receive-mail.ts'
import { createSmtpIntake, type SmtpIntake, type SmtpIntakeOptions } from '../../src/mail/smtp-intake.ts'
import type { MailAccount, SmtpSettings } from '../../src/mail-settings.ts'
import { temporaryFolder } from '../stack.ts'
import { until } from '../until.ts'

const first: MailAccount = { account: null, project: 'default' }
const shop: MailAccount = { account: 'shop', project: 'shop' }

const settings: SmtpSettings = {
  port: 0,
  host: '127.0.0.1',
  isLmtp: false,
  recipients: new Map([
    ['bounces.example.com', first],
    ['bounce@example.org', first],
    ['bounces.shop.example', shop],
  ]),
  clients: ['127.0.0.0/8'],
  tls: null,
}

const raw = 'Subject: Returned\r\n\r\n.it bounced\r\n'
const stored = { received: 1, duplicates: 0, reports: 0 }

describe('mail intake by SMTP and LMTP', () => {
  const mails: Parameters<ReceiveMail>[0][] = []
  let receive: ReceiveMail
  let outcomes: string[]
  let intake: SmtpIntake | null
  let port: number
  const sockets: Socket[] = []

  beforeEach(() => {
    mails.length = 0
    outcomes = []
    intake = null
    receive = async (mail) => {
      mails.push(mail)
      return stored
    }
  })
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy()
    await intake?.close({ graceMs: 1 })
  })

  async function start(changes: Partial<SmtpSettings> = {}, limits: SmtpIntakeOptions['limits'] = {}): Promise<void> {
    intake = createSmtpIntake({
      ...{ settings: { ...settings, ...changes }, limits, log: { warn: () => {} } },
      receiveMail: (mail) => receive(mail),
      onMail: (outcome) => outcomes.push(outcome),
    })
    port = (await intake.listen()).port
  }

  const send = (to: string | string[], content = raw, options: object = {}): Promise<SentMessageInfo> => {
    const transport = createTransport({ host: '127.0.0.1', port, ignoreTLS: true, ...options })
    // A report of a failure has the null sender (RFC 5321 §4.5.5).
    return transport.sendMail({ envelope: { from: '', to }, raw: content }).finally(() => transport.close())
  }
  const refusedWith = (responseCode: number) => (error: { responseCode?: number }) =>
    error.responseCode === responseCode

  /** A client that does as it likes. @returns what it has been answered so far. */
  function rawClient(...lines: string[]): { answer: () => string; write(line: string): void; isClosed: () => boolean } {
    const socket = connect(port, '127.0.0.1')
    sockets.push(socket)
    let text = ''
    let isClosed = false
    socket.on('error', () => {})
    socket.on('close', () => {
      isClosed = true
    })
    socket.on('data', (data) => {
      text += data
      if (/^\d{3} .*\r\n$/m.test(String(data)) && lines.length > 0) socket.write(`${lines.shift()}\r\n`)
    })
    return { answer: () => text, write: (line) => void socket.write(line), isClosed: () => isClosed }
  }

  const toData = ['EHLO mta.example', 'MAIL FROM:<>', 'RCPT TO:<a@bounces.example.com>', 'DATA']

  it('acknowledges a mail when it is stored, and hands over its bytes and recipients', async () => {
    await start()
    let release = () => {}
    receive = (mail) => {
      mails.push(mail)
      return new Promise((resolve) => {
        release = () => resolve(stored)
      })
    }
    let isAcknowledged = false
    const sent = send('bounce+em_1@bounces.example.com').then((info) => {
      isAcknowledged = true
      return info
    })
    await until(() => mails.length === 1)
    assert.equal(isAcknowledged, false)
    release()
    assert.match((await sent).response ?? '', /^250 /)
    const to = ['bounce+em_1@bounces.example.com']
    assert.deepEqual(mails, [{ raw: Buffer.from(raw), envelope: { to }, ...first }])
    assert.deepEqual(outcomes, ['accepted'])
  })

  it('takes the mail of the listed addresses, their extensions and domains only, whatever their case', async () => {
    await start()
    for (const to of ['Bounce@Example.ORG', 'bounce+a+b@example.org', 'x@BOUNCES.example.com']) await send(to)
    for (const to of ['ada@example.org', 'bounces@example.org', 'x@sub.bounces.example.com', 'x@gmail.example']) {
      await assert.rejects(send(to), refusedWith(550), to)
    }
    assert.equal(mails.length, 3)
  })

  it('hands over a mail once for each account that it is for', async () => {
    await start()
    await send(['a@bounces.example.com', 'b@bounces.shop.example', 'c@bounces.example.com'])
    assert.deepEqual(
      mails.map(({ envelope, project, account }) => [envelope?.to, project, account]),
      [
        [['a@bounces.example.com', 'c@bounces.example.com'], 'default', null],
        [['b@bounces.shop.example'], 'shop', 'shop'],
      ],
    )
  })

  it('answers 451 if the mail is not stored for one of its accounts, whatever the reason', async () => {
    await start()
    for (const error of [new DatabaseUnavailableError('away'), new TypeError('a mistake')]) {
      receive = async ({ account }) => {
        if (account === 'shop') throw error
        return stored
      }
      await assert.rejects(send(['a@bounces.example.com', 'b@bounces.shop.example']), refusedWith(451))
    }
    assert.deepEqual(outcomes, ['accepted', 'deferred', 'accepted', 'deferred'])
  })

  it('answers for each recipient by LMTP', async () => {
    await start({ isLmtp: true })
    receive = async ({ account }) => {
      if (account === 'shop') throw new DatabaseUnavailableError('away')
      return stored
    }
    const client = rawClient(
      ...['LHLO mta.example', 'MAIL FROM:<>', 'RCPT TO:<b@bounces.shop.example>', 'RCPT TO:<x@other.example>'],
      ...['RCPT TO:<a@bounces.example.com>', 'DATA', `${raw}.`],
    )
    await until(() => /\r\n451 .*\r\n250 stored\r\n$/.test(client.answer()))
    assert.match(client.answer(), /\r\n550 /)
    await assert.rejects(send('a@bounces.example.com'), 'EHLO is SMTP')
  })

  it('refuses a mail that is too large, also one that does not announce its size, and holds nothing of it', async () => {
    await start({}, { maxMailBytes: 1_000, maxHeldBytes: 1_500 })
    await assert.rejects(send('a@bounces.example.com', `${raw}${'x'.repeat(1_000)}`), refusedWith(552))
    const client = rawClient(...toData, `${raw}${'x'.repeat(5_000)}\r\n.`, ...toData.slice(1), `${raw}.`)
    await until(() => /\r\n552 [\s\S]*\r\n250 stored\r\n$/.test(client.answer()))
    assert.equal(mails.length, 1)
    assert.ok(outcomes.includes('refused'))
  })

  it('defers mails while those that are under way take all the memory it may use', async () => {
    await start({}, { maxHeldBytes: 1_000 })
    let release = () => {}
    receive = () =>
      new Promise((resolve) => {
        release = () => resolve(stored)
      })
    const content = `${raw}${'x'.repeat(600)}\r\n`
    const underWay = send('a@bounces.example.com', content)
    const releaseOfFirst = await new Promise<() => void>((resolve) => {
      const before = release
      void until(() => release !== before).then(() => resolve(release))
    })
    await assert.rejects(send('a@bounces.example.com', content), refusedWith(452))
    releaseOfFirst()
    await underWay
    const next = send('a@bounces.example.com', content)
    await until(() => release !== releaseOfFirst)
    release()
    await next
  })

  it('answers no client outside of the listed networks', async () => {
    await start({ clients: ['10.0.0.0/8', '::1'] })
    await assert.rejects(send('a@bounces.example.com'), refusedWith(554))
  })

  it('limits how many clients are connected', async () => {
    await start({}, { maxClients: 1 })
    const client = rawClient()
    await until(() => client.answer().startsWith('220'))
    await assert.rejects(send('a@bounces.example.com'), refusedWith(421))
  })

  it('disconnects a client that sends nothing, and one that sends too slowly, before its mail or within', async () => {
    await start({}, { idleMs: 200, maxTransferMs: 500 })
    const idle = rawClient('EHLO mta.example')
    const slow = [rawClient('EHLO mta.example'), rawClient(...toData)]
    await until(() => slow[1]?.answer().includes('\r\n354 ') === true)
    const trickle = setInterval(() => {
      for (const client of slow) client.write('x')
    }, 20)
    await until(() => [idle, ...slow].every((client) => client.answer().includes('\r\n421 ')))
    clearInterval(trickle)
    assert.deepEqual(mails, [])
  })

  it('does not take a mail whose connection breaks before its end', async () => {
    await start()
    const client = rawClient(...toData)
    await until(() => client.answer().includes('\r\n354 '))
    client.write(raw)
    sockets.at(-1)?.destroy()
    await until(() => outcomes.length === 1)
    assert.deepEqual([outcomes, mails], [['deferred'], []])
  })

  it('stops by finishing the mail under way, and sending the others away', async () => {
    await start()
    let release = () => {}
    receive = (mail) => {
      mails.push(mail)
      return new Promise((resolve) => {
        release = () => resolve(stored)
      })
    }
    const idle = rawClient('EHLO mta.example')
    const sent = send('a@bounces.example.com')
    await until(() => mails.length === 1 && idle.answer().includes('250 '))
    const closed = intake?.close({ graceMs: 10_000 })
    await until(() => idle.answer().includes('\r\n421 '))
    await assert.rejects(send('a@bounces.example.com'), /ECONNREFUSED/)
    release()
    assert.match((await sent).response ?? '', /^250 /)
    await closed
  })

  it('offers STARTTLS with a certificate, and authentication never', async () => {
    const folder = await temporaryFolder()
    const [certPath, keyPath] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
    const request = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
    ]
    const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
    execFileSync('openssl', [...request, ...names, '-keyout', keyPath, '-out', certPath], { stdio: 'ignore' })
    await start({ tls: { certPath, keyPath } })
    const tls = { ca: readFileSync(certPath), servername: 'localhost' }
    await send('a@bounces.example.com', raw, { ignoreTLS: false, requireTLS: true, tls })
    assert.equal(mails.length, 1)
    const client = rawClient('EHLO mta.example', 'AUTH PLAIN =')
    await until(() => /\r\n500 /.test(client.answer()))
    assert.match(client.answer(), /250[- ]STARTTLS/)
    assert.doesNotMatch(client.answer(), /250[- ]AUTH/)
    assert.throws(
      () =>
        createSmtpIntake({
          ...({} as SmtpIntakeOptions),
          settings: { ...settings, tls: { certPath, keyPath: certPath } },
        }),
      /MAIL_SMTP_TLS_CERT and MAIL_SMTP_TLS_KEY must be readable/,
    )
  })

  it('says which variable names a port that is in use', async () => {
    await start()
    const other = createSmtpIntake({ settings: { ...settings, port }, receiveMail: receive, log: { warn: () => {} } })
    await assert.rejects(other.listen(), /set another MAIL_SMTP_PORT/)
  })
})
