/** An IMAP server in memory (RFC 9051, with UIDPLUS, MOVE and XOAUTH2), as far as a mailbox is read with it. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { MailboxSettings } from '../../src/mail-settings.ts'

interface StoredMail {
  readonly uid: number
  readonly raw: Buffer
  readonly flags: Set<string>
}

export class ImapFolder {
  uidValidity: number
  mails: StoredMail[] = []
  #uidNext = 1

  constructor(uidValidity = 1) {
    this.uidValidity = uidValidity
  }

  get uidNext(): number {
    return this.#uidNext
  }

  add(raw: string | Buffer, flags: Iterable<string> = []): void {
    this.mails.push({ uid: this.#uidNext, raw: Buffer.from(raw), flags: new Set(flags) })
    this.#uidNext += 1
  }

  /** As after its server was restored from another one: the mails have other UIDs. */
  renumber(): void {
    const before = this.mails
    this.uidValidity += 1
    this.#uidNext = 1
    this.mails = []
    for (const { raw, flags } of before) this.add(raw, flags)
  }

  /** In a set such as `1,4:7,9:*`. */
  within(set: string): StoredMail[] {
    const last = this.mails.at(-1)?.uid ?? 0
    const ranges = set.split(',').map((range) => {
      const bounds = range.split(':').map((bound) => (bound === '*' ? last : Number(bound)))
      return [Math.min(...bounds), Math.max(...bounds)] as const
    })
    return this.mails.filter(({ uid }) => ranges.some(([from, to]) => uid >= from && uid <= to))
  }

  remove(mails: readonly StoredMail[]): void {
    this.mails = this.mails.filter((mail) => !mails.includes(mail))
  }
}

interface Session {
  readonly socket: Socket
  folder: ImapFolder | null
  isReadOnly: boolean
  /** Takes the next line, which is no command. */
  onLine: ((line: string) => void) | null
}

export class ImapStandIn {
  readonly folders = new Map([['INBOX', new ImapFolder()]])
  readonly user = 'bounces@example.com'
  password = 'password-of-tests'
  offersOAuth = false
  /** Those that it accepts. */
  readonly accessTokens = new Set<string>()
  /** What clients have sent, without passwords. */
  readonly commands: string[] = []
  /** Called before each command: it may answer itself, or throw to break the connection. */
  before: (command: string) => string | null = () => null
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor() {
    this.#server = createServer((socket) => this.#serve(socket))
  }

  get login(): MailboxSettings['login'] {
    return { by: 'password', password: this.password }
  }

  get inbox(): ImapFolder {
    return this.folders.get('INBOX') as ImapFolder
  }

  get #capabilities(): string {
    return `IMAP4rev1 UIDPLUS MOVE${this.offersOAuth ? ' SASL-IR AUTH=XOAUTH2' : ''}`
  }

  async listen(port = 0): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve))
    return (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #serve(socket: Socket): void {
    const session: Session = { socket, folder: null, isReadOnly: true, onLine: null }
    this.#sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
    socket.write(`* OK [CAPABILITY ${this.#capabilities}] ready\r\n`)
    createInterface({ input: socket }).on('line', (line) => {
      if (session.onLine) {
        session.onLine(line)
        return
      }
      const [tag = '', ...words] = line.split(' ')
      const command = words.join(' ')
      this.commands.push(command.replace(/^(LOGIN|AUTHENTICATE XOAUTH2).*/, '$1'))
      try {
        const answer = this.before(command) ?? this.#answer(session, command, tag)
        if (answer === null) return
        socket.write(`${tag} ${answer}\r\n`)
        if (command === 'LOGOUT') socket.end()
      } catch {
        socket.destroy()
      }
    })
  }

  /** @returns the tagged answer; null if it follows later. What is untagged is written. */
  #answer(session: Session, command: string, tag: string): string | null {
    const write = (line: string) => session.socket.write(`* ${line}\r\n`)
    const [, name = '', rest = ''] = /^((?:UID )?\w+) ?(.*)$/.exec(command) ?? []
    switch (name.toUpperCase()) {
      case 'CAPABILITY':
        write(`CAPABILITY ${this.#capabilities}`)
        return 'OK done'
      case 'LOGIN':
        return rest === `"${this.user}" "${this.password}"` || rest === `${this.user} ${this.password}`
          ? 'OK logged in'
          : `NO [AUTHENTICATIONFAILED] not ${rest}`
      case 'AUTHENTICATE':
        return this.#authenticate(session, rest, tag)
      case 'LIST':
        // Of the empty name: the separator of folders.
        if (rest === '"" ""') write('LIST (\\Noselect) "/" ""')
        else for (const folder of this.folders.keys()) write(`LIST () "/" "${folder}"`)
        return 'OK done'
      case 'SELECT':
      case 'EXAMINE':
        return this.#select(session, rest.replaceAll('"', ''), name === 'EXAMINE', write)
      case 'NOOP':
        return 'OK done'
      case 'LOGOUT':
        write('BYE')
        return 'OK done'
      default:
        return session.folder ? this.#onFolder(session, session.folder, name, rest) : 'BAD no folder is selected'
    }
  }

  /** A refusal begins as a challenge, to which the client sends an empty line (https://developers.google.com/workspace/gmail/imap/xoauth2-protocol). */
  #authenticate(session: Session, rest: string, tag: string): string | null {
    const [mechanism, response = ''] = rest.split(' ')
    if (mechanism !== 'XOAUTH2') return 'NO [CANNOT] only XOAUTH2'
    const [user, authorization] = Buffer.from(response, 'base64').toString().split('\x01')
    const token = authorization?.replace(/^auth=Bearer /, '') ?? ''
    if (user === `user=${this.user}` && this.accessTokens.has(token)) return 'OK logged in'
    session.onLine = () => {
      session.onLine = null
      session.socket.write(`${tag} NO [AUTHENTICATIONFAILED] not with ${token}\r\n`)
    }
    session.socket.write(`+ ${Buffer.from('{"status":"400","schemes":"Bearer"}').toString('base64')}\r\n`)
    return null
  }

  #select(session: Session, name: string, isReadOnly: boolean, write: (line: string) => void): string {
    const folder = this.folders.get(name)
    if (!folder) return 'NO [NONEXISTENT] no such folder'
    Object.assign(session, { folder, isReadOnly })
    write(`${folder.mails.length} EXISTS`)
    write('FLAGS (\\Seen \\Deleted)')
    write(`OK [PERMANENTFLAGS (${isReadOnly ? '' : '\\Seen \\Deleted'})] flags`)
    write(`OK [UIDVALIDITY ${folder.uidValidity}] UIDs`)
    write(`OK [UIDNEXT ${folder.uidNext}] next`)
    return `OK [READ-${isReadOnly ? 'ONLY' : 'WRITE'}] done`
  }

  #onFolder({ socket, isReadOnly }: Session, folder: ImapFolder, name: string, rest: string): string {
    const [set = '', ...words] = rest.split(' ')
    const found = folder.within(name === 'UID SEARCH' ? rest.replace(/^UID /, '') : set)
    if (name === 'UID SEARCH') socket.write(`* SEARCH ${found.map(({ uid }) => uid).join(' ')}\r\n`)
    else if (name === 'UID FETCH') {
      for (const mail of found) this.#fetch(socket, folder, mail, words.join(' '))
    } else if (isReadOnly) return 'NO [READ-ONLY] the folder was examined'
    else if (name === 'UID STORE') {
      for (const flag of words.join(' ').match(/\\\w+/g) ?? []) for (const mail of found) mail.flags.add(flag)
    } else if (name === 'UID EXPUNGE') folder.remove(found.filter(({ flags }) => flags.has('\\Deleted')))
    else if (name === 'UID MOVE') {
      const target = this.folders.get(words.join(' ').replaceAll('"', ''))
      if (!target) return 'NO [TRYCREATE] no such folder'
      for (const { raw, flags } of found) target.add(raw, flags)
      folder.remove(found)
    } else return 'BAD not known here'
    return 'OK done'
  }

  #fetch(socket: Socket, folder: ImapFolder, { uid, raw }: StoredMail, items: string): void {
    const head = `* ${folder.mails.findIndex((mail) => mail.uid === uid) + 1} FETCH (UID ${uid}`
    if (!items.includes('BODY')) socket.write(`${head} RFC822.SIZE ${raw.length})\r\n`)
    else {
      socket.write(Buffer.concat([Buffer.from(`${head} BODY[] {${raw.length}}\r\n`), raw, Buffer.from(')\r\n')]))
    }
  }
}
