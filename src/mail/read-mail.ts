/** Splits a whole mail into its parts (RFC 2045), within limits: anyone may have written it. */
import { buffer } from 'node:stream/consumers'
import { type MimeNode, Splitter, type SplitterChunk } from '@zone-eu/mailsplit'
import { maxMailBytes } from '../domain/mail-size.ts'
import { decoded } from './charset.ts'
import { type Fields, fieldsIn, noFields } from './fields.ts'
import { textOfHtml } from './html-text.ts'

export interface MailPart {
  /** In lower case, such as `message/delivery-status`. */
  readonly contentType: string
  readonly filename: string | null
  /** Without its transfer encoding. Cut at {@link maxPartBytes}, unless it is an attachment that may be a DMARC report. */
  readonly content: Buffer
}

export interface Mail {
  readonly fields: Fields
  /** What people read: the plain text, else the HTML without its marks. Cut at 64 Ki characters. */
  readonly text: string
  /** All parts that hold no parts themselves, in order. The parts of a returned message are not among them. */
  readonly parts: readonly MailPart[]
}

/** The mail exceeds a limit, or is none. The message holds no part of it. Another attempt would fail too. */
export class UnreadableMailError extends Error {
  override name = 'UnreadableMailError'
}

/** Of the whole header of the mail or of a part, and of the number of parts. Reports have 3 parts. */
const limits = { maxHeadSize: 131_072, maxChildNodes: 200 } as const
/** Before decoding. What reports say is in their first parts; of a returned message, only the header is read. */
const maxPartBytes = 262_144
const maxTextLength = 65_536

/** Whether the bytes begin as a mail does: with a header field, or with the line that mailbox files put before it. */
export const isMail = (raw: Buffer): boolean =>
  /^(?:\r?\n)*(?:>?From \S[^\n]*\n)?[\w.-]{1,100}[ \t]*:/.test(raw.toString('latin1', 0, 2_000))

/**
 * Reads a mail. Gives way to other requests after every 16 KiB.
 * @throws UnreadableMailError
 */
export async function readMail(raw: Buffer): Promise<Mail> {
  if (raw.length > maxMailBytes) throw new UnreadableMailError(`the mail has more than ${maxMailBytes} bytes`)
  if (!isMail(raw)) throw new UnreadableMailError('these bytes are no mail: it begins with its header')
  const [root, ...nodes] = await split(raw)
  if (!root) throw new UnreadableMailError('the mail is empty')
  const leaves = [root, ...nodes].filter(({ node }) => !node._boundary)
  const parts = await Promise.all(leaves.map(partOf))
  const block = root.node.headers ? root.node.getHeaders() : null
  return { fields: block ? fieldsIn(block) : noFields, text: textOf(parts), parts: parts.map(({ part }) => part) }
}

interface Leaf {
  readonly node: MimeNode
  readonly chunks: Buffer[]
  length: number
}

async function split(raw: Buffer): Promise<Leaf[]> {
  const splitter = new Splitter({ ...limits, ignoreEmbedded: true })
  splitter.end(raw)
  const leaves: Leaf[] = []
  try {
    for await (const chunk of splitter as AsyncIterable<SplitterChunk>) {
      const last = leaves.at(-1)
      if (chunk.type === 'node') leaves.push({ node: chunk as MimeNode, chunks: [], length: 0 })
      else if (chunk.type === 'body' && last && chunk.value) addTo(last, chunk.value)
    }
  } catch (error) {
    throw new UnreadableMailError(`the mail cannot be split: ${error instanceof Error ? error.message : 'unknown'}`)
  }
  return leaves
}

function addTo(leaf: Leaf, bytes: Buffer): void {
  if (leaf.length >= (mayBeReport(leaf.node) ? maxMailBytes : maxPartBytes)) return
  leaf.chunks.push(bytes)
  leaf.length += bytes.length
}

/** A DMARC report is XML, mostly compressed (RFC 7489 §7.2.1.1). Many senders call it `application/octet-stream`. */
const mayBeReport = ({ contentType, filename }: MimeNode): boolean =>
  isReportType(contentType || '') || isReportName(filename || '')

const isReportType = (type: string): boolean =>
  /^(?:application|text)\/(?:x-)?(?:zip|gzip|xml|zip-compressed)$/.test(type)
const isReportName = (name: string): boolean => /\.(?:zip|gz|xml)$/i.test(name)

/** Whether the attachment may be a DMARC report. */
export const mayBeDmarcReport = ({ contentType, filename }: MailPart): boolean =>
  isReportType(contentType) || isReportName(filename ?? '')

interface ReadPart {
  readonly part: MailPart
  readonly isShown: boolean
  readonly charset: string
}

async function partOf({ node, chunks }: Leaf): Promise<ReadPart> {
  const isMultipart = (node.contentType || 'multipart/').startsWith('multipart/')
  const contentType = isMultipart ? 'text/plain' : node.contentType || 'text/plain'
  const decoder = node.getDecoder()
  decoder.end(Buffer.concat(chunks))
  const content = await buffer(decoder)
  const part = { contentType, filename: node.filename || null, content }
  return { part, isShown: node.disposition !== 'attachment', charset: node.charset || 'utf-8' }
}

function textOf(parts: readonly ReadPart[]): string {
  const textsOf = (type: string) =>
    parts
      .filter(({ part, isShown }) => isShown && part.contentType === type)
      .map(({ part, charset }) => decoded(part.content, charset))
  const plain = textsOf('text/plain').join('\n')
  const text = plain.trim() === '' ? textsOf('text/html').map(textOfHtml).join('\n') : plain
  return text.slice(0, maxTextLength).replaceAll('\u0000', '').replace(/\r\n?/g, '\n').toWellFormed()
}
