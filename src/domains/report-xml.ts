/**
 * Reads the XML of a DMARC aggregate report as a stream, row by row. A document type is refused: entities can be defined nowhere else, so none
 * is expanded and nothing is loaded.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { SaxesParser } from 'saxes'
import type { ByteStream, ReportLimits } from './report-files.ts'
import { UnreadableReportError } from './unreadable-report.ts'

export interface XmlElement {
  /** Without a namespace prefix, in lower case. */
  readonly name: string
  /** Without white space around it. */
  text: string
  readonly children: XmlElement[]
}

/** Characters between two turns of the event loop, so that a large report does not delay webhooks. */
const charactersPerTurn = 65_536

/**
 * @param onRecord called with each `record`; the result has the others.
 * @returns the root element; null if it is not `feedback`.
 * @throws UnreadableReportError if it is no well-formed XML, or over a limit.
 */
export async function readReportXml(
  bytes: ByteStream,
  limits: ReportLimits,
  onRecord: (record: XmlElement) => void,
): Promise<XmlElement | null> {
  const tree = createTree(limits, onRecord)
  const parser = new SaxesParser()
  let hasDocumentType = false
  parser.on('doctype', () => {
    hasDocumentType = true
  })
  parser.on('opentag', ({ name }) => {
    if (isWrapper(name)) return
    tree.open(plainName(name))
    if (hasDocumentType && tree.isReport()) refuse('it has a document type, which no report needs')
  })
  parser.on('text', (text) => tree.addText(text))
  parser.on('cdata', (text) => tree.addText(text))
  parser.on('closetag', ({ name }) => isWrapper(name) || tree.close())
  // Something else, such as HTML, need not be well-formed, nor what follows the report.
  parser.on(
    'error',
    () => !tree.isReport() || tree.isComplete() || refuse(`it is not well-formed XML in line ${parser.line}`),
  )
  for await (const text of decoded(bytes)) {
    for (let at = 0; at < text.length; at += charactersPerTurn) {
      parser.write(text.slice(at, at + charactersPerTurn))
      if (tree.isOther()) return null
      await nextTurn()
    }
  }
  parser.close()
  return tree.isReport() ? tree.root() : null
}

/** Some senders put the report into an element of XML Schema, and do not close it. */
const isWrapper = (name: string): boolean => name === 'xs:schema'

const plainName = (name: string): string => name.slice(name.indexOf(':') + 1).toLowerCase()

function createTree(limits: ReportLimits, onRecord: (record: XmlElement) => void) {
  const open: XmlElement[] = []
  let root: XmlElement | null = null
  let [records, elementsOfRecord, otherElements] = [0, 0, 0]
  const isInRecord = () => open[1]?.name === 'record'
  const isRecord = () => open.length === 2 && isInRecord()
  const requireWithin = (limits: ReportLimits) => {
    if (open.length > limits.depth) refuse(`it has more than ${limits.depth} levels`)
    if (records > limits.records) refuse(`it has more than ${limits.records} records`)
    if (elementsOfRecord > limits.elements) refuse(`record ${records} has more than ${limits.elements} elements`)
    if (otherElements > limits.elements) refuse(`it has more than ${limits.elements} elements besides its records`)
  }
  return {
    root: () => root,
    isComplete: () => root !== null && open.length === 0,
    isReport: () => root?.name === 'feedback',
    isOther: () => root !== null && root.name !== 'feedback',
    open(name: string) {
      const element = { name, text: '', children: [] }
      open.push(element)
      root ??= element
      if (isRecord()) [records, elementsOfRecord] = [records + 1, 0]
      else {
        open.at(-2)?.children.push(element)
        if (isInRecord()) elementsOfRecord += 1
        else otherElements += 1
      }
      requireWithin(limits)
    },
    addText(text: string) {
      const element = open.at(-1)
      if (element === undefined) return
      element.text += element.text === '' ? text.trimStart() : text
      if (element.text.length > limits.textLength) refuse(`a value has more than ${limits.textLength} characters`)
    },
    close() {
      const isWholeRecord = isRecord()
      const element = open.pop()
      if (element === undefined) return
      element.text = element.text.trimEnd()
      if (isWholeRecord && root?.name === 'feedback') onRecord(element)
    },
  }
}

const refuse = (why: string): never => {
  throw new UnreadableReportError(`the report cannot be read: ${why}`)
}

/** As XML 1.0 appendix F finds the encoding: a byte order mark, else the declaration, else UTF-8. Broken bytes become U+FFFD. */
async function* decoded(bytes: ByteStream): AsyncGenerator<string> {
  let decoder: TextDecoder | null = null
  for await (const chunk of bytes) {
    const isFirst = decoder === null
    decoder ??= decoderFor(chunk)
    const text: string = decoder.decode(chunk, { stream: true })
    // The declaration must be first, and some senders begin with a line break.
    yield isFirst ? text.trimStart() : text
  }
  if (decoder !== null) yield decoder.decode()
}

function decoderFor(start: Buffer): TextDecoder {
  const head = start.subarray(0, 200).toString('latin1')
  if (head.startsWith('\xff\xfe') || head.startsWith('<\0')) return new TextDecoder('utf-16le')
  if (head.startsWith('\xfe\xff') || head.startsWith('\0<')) return new TextDecoder('utf-16be')
  const named = /^[^>]*?\sencoding\s*=\s*["']([\w.:-]{1,40})["']/.exec(head)?.[1] ?? 'utf-8'
  try {
    return new TextDecoder(named)
  } catch {
    return refuse('its encoding is not known')
  }
}
