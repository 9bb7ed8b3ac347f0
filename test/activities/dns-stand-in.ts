/** A DNS server on this machine that answers questions for MX and TXT records (RFC 1035), over UDP and TCP at the same port. */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

/**
 * What it answers for a domain. `hosts`: MX records with these preferences. `texts`: TXT records, each of its strings. `silent`: nothing. `truncated`: over UDP that the answer is
 * too long, over TCP the hosts.
 */
export type DnsAnswer =
  | { readonly hosts: readonly (readonly [number, string])[]; readonly isTruncated?: boolean }
  | { readonly texts: readonly (readonly string[])[] }
  | 'missing'
  | 'without-records'
  | 'failure'
  | 'silent'

const [typeMx, typeTxt] = [15, 16]
const codes = { missing: 3, 'without-records': 0, failure: 2 }

export class DnsStandIn {
  /** By domain. Others do not exist. */
  readonly answers = new Map<string, DnsAnswer>()
  /** The domains that were asked for, in order, repeats over UDP included. */
  readonly asked: string[] = []
  /** Whether it answers nothing at all. */
  isDown = false
  readonly #udp: Socket
  readonly #tcp: Server

  private constructor(udp: Socket, tcp: Server) {
    this.#udp = udp
    this.#tcp = tcp
    udp.on('message', (question, { port, address }) => {
      if (this.isDown) return
      const answer = this.#answerTo(question, true)
      if (answer) udp.send(answer, port, address)
    })
    tcp.on('connection', (socket) => {
      socket.on('error', () => {})
      socket.on('data', (data) => {
        const answer = this.#answerTo(data.subarray(2), false)
        if (answer) socket.end(Buffer.concat([sixteenBits(answer.length), answer]))
      })
    })
  }

  static async start(): Promise<DnsStandIn> {
    const tcp = createServer().listen(0, '127.0.0.1')
    await once(tcp, 'listening')
    const udp = createSocket('udp4')
    const standIn = new DnsStandIn(udp, tcp)
    udp.bind(standIn.#port, '127.0.0.1')
    await once(udp, 'listening')
    return standIn
  }

  get #port(): number {
    const address = this.#tcp.address()
    return address !== null && typeof address === 'object' ? address.port : 0
  }

  /** For `DNS_SERVERS`. */
  get server(): string {
    return `127.0.0.1:${this.#port}`
  }

  async stop(): Promise<void> {
    this.#udp.close()
    this.#tcp.close()
    await once(this.#tcp, 'close')
  }

  #answerTo(question: Buffer, isUdp: boolean): Buffer | null {
    const { name, end } = readName(question, 12)
    this.asked.push(name)
    const answer = this.answers.get(name) ?? 'missing'
    if (answer === 'silent') return null
    const isTruncated = typeof answer === 'object' && 'isTruncated' in answer && answer.isTruncated === true && isUdp
    const records = typeof answer === 'object' && !isTruncated ? recordsOf(answer) : []
    const flags = 0x8180 | (isTruncated ? 0x0200 : 0) | (typeof answer === 'object' ? 0 : codes[answer])
    const header = [question.subarray(0, 2), ...[flags, 1, records.length, 0, 0].map(sixteenBits)]
    return Buffer.concat([...header, question.subarray(12, end + 4), ...records])
  }
}

const sixteenBits = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff])

const recordsOf = (answer: Extract<DnsAnswer, object>): Buffer[] =>
  'texts' in answer
    ? answer.texts.map((strings) => record(typeTxt, Buffer.concat(strings.map(writeString))))
    : answer.hosts.map(([preference, host]) =>
        record(typeMx, Buffer.concat([sixteenBits(preference), writeName(host)])),
      )

/** For the name of the question: a pointer to it. Valid for a minute. */
const record = (type: number, data: Buffer): Buffer =>
  Buffer.concat([...[0xc00c, type, 1, 0, 60, data.length].map(sixteenBits), data])

const writeString = (text: string): Buffer => Buffer.concat([Buffer.from([text.length]), Buffer.from(text, 'latin1')])

/** The root, which a null MX names, is an empty name. */
const writeName = (name: string): Buffer =>
  Buffer.concat([
    ...name
      .split('.')
      .filter(Boolean)
      .map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)])),
    Buffer.from([0]),
  ])

function readName(message: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = []
  let at = start
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length))
    at += length + 1
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 }
}
