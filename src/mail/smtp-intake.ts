/** Takes mail by SMTP (RFC 5321) or LMTP (RFC 2033) from the operator's own mail servers. Nothing is sent on: there is no relay to abuse. */
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createSecureContext } from 'node:tls'
import { SMTPServer, type SMTPServerDataStream, type SMTPServerOptions, type SMTPServerSession } from 'smtp-server'
import { maxMailBytes } from '../domain/mail-size.ts'
import { isInNetworks, networkList } from '../domain/networks.ts'
import { ConfigurationError, DatabaseUnavailableError, messageOf } from '../errors.ts'
import type { SmtpSettings } from '../mail-settings.ts'
import { type BodyStream, MailBodies, type Unread } from './mail-bodies.ts'
import type { ReceiveMail } from './receive-mail.ts'
import { type AccountRecipients, accountOf, byAccount } from './smtp-recipients.ts'

/** `accepted`: durable. `deferred`: the sender must try again. `refused`: too large. */
type MailOutcome = 'accepted' | 'deferred' | 'refused'

export interface SmtpIntakeOptions {
  readonly settings: SmtpSettings
  readonly receiveMail: ReceiveMail
  /** Called with what was answered to a mail, once for each account that it was for. */
  readonly onMail?: (outcome: MailOutcome) => void
  readonly log: { warn(facts: object, message: string): void }
  readonly limits?: Partial<SmtpLimits>
}

/** Times in milliseconds, sizes in bytes. */
interface SmtpLimits {
  readonly maxMailBytes: number
  /** Of all mails that are being received or stored, so that the process keeps within its memory. */
  readonly maxHeldBytes: number
  readonly maxClients: number
  /** A client that sends nothing for so long is disconnected; RFC 5321 §4.5.3.2 lets servers wait 5 minutes. */
  readonly idleMs: number
  /** A client that takes longer to send a whole mail is disconnected, however steadily it trickles. */
  readonly maxTransferMs: number
}

const defaultLimits: SmtpLimits = {
  maxMailBytes,
  maxHeldBytes: 8 * maxMailBytes,
  maxClients: 100,
  idleMs: 60_000,
  maxTransferMs: 300_000,
}

const maxRecipients = 100

export interface SmtpIntake {
  /**
   * @returns the port.
   * @throws ConfigurationError if the port is in use.
   */
  listen(): Promise<{ readonly port: number }>
  /** Refuses new mail, and lets mails under way finish within `graceMs`. A client without an answer sends its mail again. */
  close(options: { readonly graceMs: number }): Promise<void>
}

/** An answer other than 250, with its code. The client's logs show the text. */
class Refusal extends Error {
  readonly responseCode: number

  constructor(responseCode: number, message: string) {
    super(message)
    this.responseCode = responseCode
  }
}

const notNow = new Refusal(451, '4.3.0 not stored: send it again later')

/** @throws ConfigurationError if the certificate or its key cannot be read. */
export function createSmtpIntake(options: SmtpIntakeOptions): SmtpIntake {
  const { settings } = options
  const limits = { ...defaultLimits, ...options.limits }
  const take = createTaker(options, limits)
  const busy = new Set<string>()
  const deadlines = new Map<string, NodeJS.Timeout>()
  const awaitMail = (id: string) => {
    clearTimeout(deadlines.get(id))
    const isOver = () => {
      deadlines.delete(id)
      disconnect(server, id)
    }
    deadlines.set(id, setTimeout(isOver, limits.maxTransferMs).unref())
  }
  const server: SMTPServer = new SMTPServer({
    ...sessionOptions(settings, limits, awaitMail),
    onData(stream, session, answer) {
      busy.add(session.id)
      stream.once('end', () => clearTimeout(deadlines.get(session.id)))
      void take(stream, session).then((answers) => {
        busy.delete(session.id)
        awaitMail(session.id)
        if (settings.isLmtp) answer(null, answers)
        else
          answer(
            answers.find((each) => each instanceof Refusal),
            'stored',
          )
      })
    },
    onClose({ id }) {
      clearTimeout(deadlines.get(id))
      deadlines.delete(id)
    },
  })
  // Of one connection, most often that it broke: its client sends the mail again.
  server.on('error', () => {})
  return {
    listen: () => listen(server, settings),
    close: ({ graceMs }) =>
      new Promise((resolve) => {
        server.options.closeTimeout = graceMs
        server.close(() => resolve())
        for (const { id } of server.connections) if (!busy.has(id)) disconnect(server, id)
      }),
  }
}

function disconnect({ connections }: SMTPServer, id: string): void {
  for (const connection of connections) if (connection.id === id) connection.send(421, 'closing the connection')
}

function listen(server: SMTPServer, { port, host }: SmtpSettings): Promise<{ port: number }> {
  return new Promise((resolve, reject) => {
    const listener = server.listen({ port, host }, () => resolve({ port: (listener.address() as AddressInfo).port }))
    listener.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new ConfigurationError(`Port ${port} is in use: set another MAIL_SMTP_PORT`)
          : error,
      ),
    )
  })
}

/** @param onClient called when a client is let in, with the ID of its connection. */
function sessionOptions(settings: SmtpSettings, limits: SmtpLimits, onClient: (id: string) => void): SMTPServerOptions {
  const clients = networkList(settings.clients)
  const tls = settings.tls && readCertificate(settings.tls)
  return {
    ...tls,
    logger: false,
    lmtp: settings.isLmtp,
    size: limits.maxMailBytes,
    maxClients: limits.maxClients,
    maxRecipients,
    socketTimeout: limits.idleMs,
    // Names of clients decide nothing here.
    disableReverseLookup: true,
    authOptional: true,
    disabledCommands: ['AUTH', 'WIZ', 'SHELL', 'KILL', ...(tls ? [] : ['STARTTLS'])],
    onConnect({ id, remoteAddress }, done) {
      if (!isInNetworks(clients, remoteAddress))
        return done(new Refusal(554, '5.7.1 MAIL_SMTP_CLIENTS does not list you'))
      onClient(id)
      done()
    },
    onRcptTo: ({ address }, _, done) =>
      done(
        accountOf(settings.recipients, address) ? null : new Refusal(550, '5.7.1 no mail is taken for this recipient'),
      ),
  }
}

function readCertificate({ certPath, keyPath }: NonNullable<SmtpSettings['tls']>) {
  try {
    const certificate = { cert: readFileSync(certPath), key: readFileSync(keyPath) }
    createSecureContext(certificate)
    return certificate
  } catch (cause) {
    throw new ConfigurationError(
      `MAIL_SMTP_TLS_CERT and MAIL_SMTP_TLS_KEY must be readable PEM files, the key that of the certificate: ${messageOf(cause)}`,
      { cause },
    )
  }
}

type Answer = string | Refusal
type Take = (stream: SMTPServerDataStream, session: SMTPServerSession) => Promise<Answer[]>

/** Reads and stores mails. Resolves with an answer for each recipient, in their order. */
function createTaker(options: SmtpIntakeOptions, limits: SmtpLimits): Take {
  const { settings, onMail = () => {} } = options
  const bodies = new MailBodies(limits)
  const refusals: Readonly<Record<Unread, Refusal>> = {
    too_large: new Refusal(552, `5.3.4 the mail has more than ${limits.maxMailBytes} bytes`),
    too_busy: new Refusal(452, '4.3.1 too many mails at once: send it again later'),
    broken: notNow,
  }
  return async (stream, { envelope }) => {
    const addresses = envelope.rcptTo.map(({ address }) => address)
    const groups = byAccount(settings.recipients, addresses)
    const body = await bodies.read(stream as BodyStream)
    const answerTo = (group: AccountRecipients) =>
      Buffer.isBuffer(body) ? store(options, body, group) : refusals[body]
    const answers = await Promise.all(groups.map(answerTo))
    if (Buffer.isBuffer(body)) bodies.release(body)
    for (const answer of answers) onMail(outcomeOf(answer))
    return addresses.map((address) => answers[groups.findIndex(({ to }) => to.includes(address))] ?? notNow)
  }
}

async function store({ receiveMail, log }: SmtpIntakeOptions, raw: Buffer, group: AccountRecipients): Promise<Answer> {
  try {
    const { project, account, to } = group
    await receiveMail({ raw, envelope: { to }, project, account })
    return 'stored'
  } catch (error) {
    if (!(error instanceof DatabaseUnavailableError)) {
      const reason = error instanceof Error ? error.name : 'unknown'
      log.warn({ reason }, 'a mail could not be stored; its sender tries again')
    }
    return notNow
  }
}

const outcomeOf = (answer: Answer): MailOutcome =>
  typeof answer === 'string' ? 'accepted' : answer.responseCode >= 500 ? 'refused' : 'deferred'
