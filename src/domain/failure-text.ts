/** Reads a response text: quoted replies, codes, and what must not be taken for a code. */
import type { SmtpStage } from './failure.ts'

/** One reply within a text. A reply that quotes another one makes two. */
export interface ReplyText {
  /** As people may see it: without addresses. */
  readonly shown: string
  /** Lower case; addresses, IP addresses and sizes are masked. */
  readonly line: string
  /** As `line`, with host names and URLs masked. */
  readonly prose: string
  readonly enhancedCodes: readonly string[]
  readonly replyCode: string | null
}

/** Longer texts are cut. No server's reply is as long; RFC 5321 §4.5.3.1.5 allows 512 octets a line. */
const maxTextLength = 4_000
const maxShownLength = 300

const address = /(?:"[^"]{0,64}")?[^\s<>()[\],;:"'“”]*(?:@|%40|=40|＠)[^\s<>()[\],;:"'“”]*/gi
const ipv4 = /(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?!\d|\.\d)/g
const ipv6OrTime = /(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])/g
const amount =
  /(?<![\w.])\d[\d.,]*\s?(?:[kmgt]i?b|bytes?|octets?|kilobytes?|megabytes?|chars?|characters|ms|seconds?|secs?|minutes?|mins?|hours?|days?)\b/g
const namedAmount = /\b(size|limit|length|max|maximum|port|id|pid)((?: of| is)?[\s:=]{1,3})[\d.,]+/g
const url = /\bhttps?:\/\/[^\s<>"')]+/g
const hostName =
  /(?<![\w.-])(?:[a-z0-9_-]+\.)+(?:[a-z]{2}|com|net|org|edu|gov|mil|info|biz|cloud|email|mail|local|internal|arpa|app|online|systems)\b(?![\w-]|\.\w)/g

const enhancedCode =
  /(?<![\w./-]|\b(?:version|exim|sendmail|postfix|release|policy|build|tls|v) )#?([245]\.[0-7]\.\d{1,3})(?!\w|\.[a-z0-9])/g
/** Before a reply within a text: a colon, a quotation mark, or the word that introduces it. */
const replyStart =
  /(?<=[:;"'“(>\]]\s?|\b(?:said|says|returned|response|reply|error|with|code)\s|<<<\s?)(?=[45]\d\d[\s-](?:[#(]?[245]\.\d{1,3}\.\d|\D))/
const leadingReplyCode = /^[^\w]*([245]\d\d)(?![\w.])/
const paired = /(?<![\w.])([245]\d\d)[ -]#?\(?[245]\.[0-7]\.\d{1,3}\b/

const foldedSpace = /[\s\p{Cc}\p{Cf}]+/gu
/** sendmail writes `not allowed...ada@example.com`: what is before the dots is no part of the address. */
const dotsBeforeAddress = /\.{2,}(?=\S)/g

/** Cisco's gateways put the meaning of the reply code before any reply: `5.1.0 - Unknown address error 550-'…'`. It has no meaning of its own. */
const ciscoPrefix = /^(?:smtp; ?)?[45]\.\d\.\d - [a-z ]{5,60} (?=[45]\d\d[- ]?['"])/i

const stages: readonly (readonly [SmtpStage, RegExp])[] = [
  ['recipient', /in reply to rcpt to|(?:after|sending|to) (?:pipelined )?rcpt to|does not like recipient/i],
  ['data', /in reply to (?:end of )?data|after (?:pipelined )?(?:end of )?data\b|failed after i sent the message/i],
  ['sender', /in reply to mail from|(?:after|to) (?:pipelined )?mail from|sender was rejected/i],
  [
    'connection',
    /in reply to (?:ehlo|helo)|refused to talk to me|after (?:initial connection|ehlo|helo)\b|invalid greeting/i,
  ],
]

/** The step of SMTP that was answered, in the words of Postfix, Exim and qmail; null if the text does not say. */
export const stageIn = (text: string): SmtpStage | null =>
  stages.find(([, pattern]) => pattern.test(text.slice(0, maxTextLength).replace(foldedSpace, ' ')))?.[0] ?? null

/** Replaces every email address, so that none enters a judgement. */
const withoutAddresses = (text: string): string => text.replace(address, '[address]').replace(/@|＠/g, ' ')

/** The replies of a text, the innermost quoted one first, the whole text last. */
export function repliesIn(text: string): ReplyText[] {
  const folded = text.slice(0, maxTextLength).replace(foldedSpace, ' ').trim().replace(ciscoPrefix, '')
  const whole = withoutAddresses(folded.replace(dotsBeforeAddress, '... '))
  if (whole === '') return []
  const parts = maskNumbers(whole).split(replyStart)
  // The masked text has another length, so the shown parts are cut from the unmasked one at the same starts.
  const shownParts = whole.split(replyStart)
  const areAligned = shownParts.length === parts.length
  const replies = parts.map((part, index) => readReply(part, areAligned ? (shownParts[index] ?? part) : part))
  return parts.length === 1 ? replies : [...replies.reverse(), readReply(maskNumbers(whole), whole)]
}

const maskNumbers = (text: string): string =>
  text
    .toLowerCase()
    .replace(ipv4, '[ip]')
    .replace(ipv6OrTime, '[ip]')
    .replace(amount, '[amount]')
    .replace(namedAmount, '$1$2[amount]')

function readReply(part: string, shown: string): ReplyText {
  const replyCode = leadingReplyCode.exec(part)?.[1] ?? paired.exec(part)?.[1] ?? null
  const line = withoutContinuations(part, replyCode)
  return {
    shown: shown.trim().slice(0, maxShownLength),
    line,
    prose: line.replace(url, '[url]').replace(hostName, '[host]'),
    enhancedCodes: [...line.matchAll(enhancedCode)].flatMap(([, code]) => code ?? []),
    replyCode,
  }
}

/** A reply of several lines repeats its codes at the start of each (RFC 5321 §4.2.1, RFC 2034): only the first stay. */
function withoutContinuations(part: string, replyCode: string | null): string {
  const line = part.replace(/\b([245]\d\d)-(?=[245]\.\d)/g, '$1 ')
  if (replyCode === null) return line
  const start = line.indexOf(replyCode) + replyCode.length
  const isMultiline = line.startsWith('-', start)
  const repeated = new RegExp(`\\b${replyCode}(?: ([245]\\.[0-7]\\.\\d{1,3}) ?${isMultiline ? '|[- ]' : '|-'})`, 'g')
  return line.slice(0, start) + line.slice(start).replace(/^-/, ' ').replace(repeated, '')
}

/**
 * The status code in a text: the enhanced one (RFC 3463), which says more, else the reply code (RFC 5321); of several, the innermost
 * quoted one. Null if there is none. Parts of IP addresses, host names, versions and sizes are no codes.
 */
export function statusCodeIn(text: string): string | null {
  const replies = repliesIn(text)
  const [enhanced] = replies.flatMap(({ enhancedCodes }) => enhancedCodes)
  return enhanced ?? replies.map(({ replyCode }) => replyCode).find((code) => code !== null) ?? null
}

/** Whether a code that the provider found in the text is one, rather than a part of an IP address or an amount. */
export const isCodeOf = (replies: readonly ReplyText[], code: string): boolean =>
  replies.some(({ enhancedCodes, replyCode }) => replyCode === code || enhancedCodes.includes(code))
