/** What a report returns of the email that it is about: the whole message, its header, or a quotation in the text. */
import { addressesIn } from '../domain/address.ts'
import { type Fields, fieldsIn } from './fields.ts'
import { addressesInText, messageIdsIn } from './mail-addresses.ts'
import type { Mail, MailPart } from './read-mail.ts'

/** The email that a report is about. */
export interface ReturnedMessage {
  readonly messageIds: readonly string[]
  readonly to: readonly string[]
  readonly subject: string | null
  /** Of Hotmail's complaints. */
  readonly complainant: string | null
}

/** RFC 6522 §3: the message or its header; the international forms are RFC 6533's. `rfc822-headers` without `text/` is a common mistake. */
const returnedTypes = /^(?:message\/(?:rfc822|global)|(?:text|message)\/(?:rfc822-headers?|global-headers))$/

/** The returned message; null if the report returns none. */
export function returnedMessageIn({ parts, text }: Mail): ReturnedMessage | null {
  const part = parts.find(({ contentType }) => returnedTypes.test(contentType))
  const returned = part ? headOf(part) : quotedHeadIn(text)
  return returned && returnedOf(returned)
}

const returnedOf = (fields: Fields): ReturnedMessage => {
  const to = ['to', 'cc', 'bcc'].flatMap((name) => fields.all(name)).flatMap((list) => addressesIn(list))
  return {
    messageIds: ['message-id', 'resent-message-id'].flatMap((name) => messageIdsIn(fields.first(name))),
    to: [...new Set(to)],
    subject: fields.first('subject'),
    complainant: addressesInText(fields.first('x-hmxmroriginalrecipient') ?? '')[0] ?? null,
  }
}

function headOf({ content }: MailPart): Fields {
  const text = content.toString('latin1').replace(/^(?:[ \t]*\r?\n)+/, '')
  const [head = ''] = text.split(/\r?\n[ \t]*\r?\n/, 1)
  return fieldsIn(Buffer.from(head, 'latin1'))
}

/**
 * The header block in a text that contains a Message-ID: servers that write no parts quote the message below their words.
 * Quotation marks at the start of lines are left out.
 */
function quotedHeadIn(text: string): Fields | null {
  const lines = text.split('\n').map((line) => line.replace(/^(?:[ \t]*>)+ ?/, ''))
  const at = lines.findIndex((line) => /^\s{0,8}message-id:/i.test(line))
  if (at < 0) return null
  const isEmpty = (line: string | undefined) => line === undefined || line.trim() === ''
  let [start, end] = [at, at]
  while (start > 0 && !isEmpty(lines[start - 1])) start -= 1
  while (!isEmpty(lines[end])) end += 1
  const indent = /^\s*/.exec(lines[at] ?? '')?.[0].length ?? 0
  const block = lines.slice(start, end).map((line) => (line.slice(0, indent).trim() === '' ? line.slice(indent) : line))
  return fieldsIn(Buffer.from(block.join('\n')))
}
