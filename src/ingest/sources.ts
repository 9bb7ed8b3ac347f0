/** Where the entries of a mail server come from: a log file that is followed, or a pipe; Postfix's or ZoneMTA's lines, or JSON. */
import { readFile, rename, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import type { MailServerEntry } from '../providers/mail-server/webhook.ts'
import { followFile, placeForm } from './followed-file.ts'
import type { ReadEntries } from './ingest.ts'
import { PostfixLog, type PostfixOptions, postfixMemoryForm } from './postfix-log.ts'
import { zonemtaEntriesIn } from './zonemta-log.ts'

export const logFormats = ['postfix', 'zonemta', 'json'] as const
export type LogFormat = (typeof logFormats)[number]

/** Reads the lines of a log. */
interface LogReader {
  read(line: string): MailServerEntry[]
  /** To go on from after a restart. */
  readonly memory: z.infer<typeof postfixMemoryForm>
}

const stateForm = z.object({ place: placeForm, memory: postfixMemoryForm })
type State = z.infer<typeof stateForm>

export interface SourceOptions extends Omit<PostfixOptions, 'clock'> {
  readonly format: LogFormat
  readonly signal: AbortSignal
}

interface FileOptions extends SourceOptions {
  /** Where the place in the log is kept. */
  readonly statePath: string
  readonly isFollowed: boolean
}

/** Writing what is remembered of a long queue takes a while. What is read again after a crash counts once. */
const saveEveryMs = 1_000

/** The entries of a file, from where the state file says. @throws if the file cannot be opened, or the state file cannot be read. */
export async function* entriesOfFile(path: string, options: FileOptions): AsyncGenerator<ReadEntries> {
  const state = await readState(options.statePath)
  const reader = readerOf(options, state?.memory)
  let savedAt = 0
  for await (const { lines, place } of followFile(path, { ...options, from: state?.place ?? null })) {
    const entries = lines.flatMap((line) => reader.read(line))
    yield {
      entries,
      async onStored() {
        if (entries.length === 0 && Date.now() - savedAt < saveEveryMs) return
        await writeState(options.statePath, { place, memory: reader.memory })
        savedAt = Date.now()
      },
    }
  }
}

/** The entries of a pipe. A line is read when the ones before it are stored, so the writer waits meanwhile. */
export async function* entriesOfPipe(
  input: NodeJS.ReadableStream,
  options: SourceOptions,
): AsyncGenerator<ReadEntries> {
  const reader = readerOf(options)
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    yield { entries: reader.read(line) }
  }
}

function readerOf({ format, relays }: SourceOptions, memory?: State['memory']): LogReader {
  if (format === 'postfix') return new PostfixLog({ relays, clock: Date.now }, memory)
  return {
    read: format === 'zonemta' ? (line) => zonemtaEntriesIn(line, relays, Date.now()) : entryIn,
    memory: [],
  }
}

/** A line that is no JSON object is none of ours. The receiver reads the fields. */
function entryIn(line: string): MailServerEntry[] {
  try {
    const entry: unknown = JSON.parse(line)
    return typeof entry === 'object' && entry !== null && 'event' in entry ? [entry as MailServerEntry] : []
  } catch {
    return []
  }
}

async function readState(path: string): Promise<State | null> {
  const text = await readFile(path, 'utf8').catch((error) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  return text === null ? null : stateForm.parse(JSON.parse(text))
}

/** Whole or not at all, also when the process is killed. */
async function writeState(path: string, state: State): Promise<void> {
  await writeFile(`${path}.new`, JSON.stringify(state), { mode: 0o600 })
  await rename(`${path}.new`, path)
}
