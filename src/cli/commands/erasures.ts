import { createWriteStream, openSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Command } from 'commander'
import { readConfig } from '../../config.ts'
import { createDatabase, type Database, sqlStateOf, withDatabaseDeadline } from '../../db/database.ts'
import { type ErasedAgain, eraseAgain, nothingErased, sumOfErased } from '../../db/erase-again.ts'
import { fingerprintOf, requireErasureKey } from '../../db/erasure-key.ts'
import { addErasures, type RecordedErasure, readErasureProjects, readErasures } from '../../db/erasures.ts'
import { readCredentials } from '../../embedded/credentials.ts'
import { ConfigurationError, messageOf } from '../../errors.ts'
import { type CommandContext, type JsonOption, printResult, UsageError, withJson } from '../command-context.ts'
import { findDatabaseUrl } from '../database-url.ts'
import { firstLineOf, lineOf, readErasureLines } from '../erasure-files.ts'
import { openFile } from '../suppression-files.ts'

/** Exports the ledger of erasures, and erases again in a restored database. Uses the database itself: the API may be stopped. */
export const erasuresCommand = (context: CommandContext): Command =>
  new Command('erasures')
    .description('export the ledger of erasures, or erase again after a backup was restored')
    .addCommand(withJson(exportCommand(context)))
    .addCommand(withJson(reapplyCommand(context)))

const exportCommand = (context: CommandContext): Command =>
  new Command('export')
    .description('write the ledger, which has no addresses, to a new file, or to standard output')
    .argument('[file]')
    .action(async (path: string | undefined, options: JsonOption) => {
      await withLedger(context, async (db, keyFingerprint) => {
        const lines = Readable.from(linesOf(db, keyFingerprint))
        await pipeline(lines, path === undefined ? context.output : newFile(path), {
          end: path !== undefined,
        })
      })
      if (path !== undefined) printResult(context, options, { file: path }, () => `Written to ${path}.`)
    })

/** Never over an older ledger: that of a restored database lacks what it is exported for. */
function newFile(path: string): NodeJS.WritableStream {
  try {
    return createWriteStream(path, { fd: openSync(path, 'wx', 0o600) })
  } catch (cause) {
    throw new UsageError(`${path} cannot be created (${messageOf(cause)}): name a new file.`, { cause })
  }
}

const pageSize = 1_000

async function* linesOf(db: Database, keyFingerprint: string): AsyncGenerator<string> {
  yield `${firstLineOf(keyFingerprint)}\n`
  for (const project of await readErasureProjects(db)) {
    for (let after: string | undefined = ''; after !== undefined; ) {
      const page: RecordedErasure[] = await readErasures(db, project, after, pageSize)
      yield page.map((erasure) => `${lineOf(erasure)}\n`).join('')
      after = page.at(-1)?.key
    }
  }
}

const reapplyCommand = (context: CommandContext): Command =>
  new Command('reapply')
    .description('erase everybody again who is in the ledger: what was stored before the erasure')
    .argument('[file...]', 'exported ledgers, and logs of API processes; - reads standard input')
    .action(async (paths: string[], options: JsonOption) => {
      const erased = await withLedger(context, async (db, keyFingerprint, confined) => {
        for (const path of paths) {
          const input = path === '-' ? context.stdin : await openFile(path)
          await addAll(db, readErasureLines(input, path, keyFingerprint), confined !== null)
        }
        let sum = nothingErased
        for (const project of await readErasureProjects(db)) {
          const own = (from: Database) =>
            eraseAgain(from, (progress) => showProgress(context, sumOfErased(sum, progress)))
          sum = sumOfErased(sum, await (project === null || confined === null ? own(db) : confined(project, own)))
        }
        return sum
      })
      printResult(context, options, erased, () => textOf(erased))
    })

/** @param hasProjects without them, the key of a log's line has erased from all that there is. */
async function addAll(db: Database, erasures: AsyncIterable<RecordedErasure>, hasProjects: boolean): Promise<void> {
  const page: RecordedErasure[] = []
  for await (const erasure of erasures) {
    page.push(hasProjects ? erasure : { ...erasure, project: null })
    if (page.length === pageSize) await addErasures(db, page.splice(0))
  }
  await addErasures(db, page)
}

/** Works on the data of one project. */
type Confined = <T>(project: string, work: (db: Database) => Promise<T>) => Promise<T>

/** @throws ConfigurationError without the key with which persons were erased; DatabaseUnavailableError. */
async function withLedger<T>(
  { env }: CommandContext,
  work: (db: Database, keyFingerprint: string, confined: Confined | null) => Promise<T>,
): Promise<T> {
  const config = readConfig(env)
  const erasureKey = config.erasureKey ?? (await readCredentials(config.dataDir))?.erasureKey
  if (!erasureKey) throw new ConfigurationError('ERASURE_KEY is not set: set the key with which persons were erased.')
  const url = await findDatabaseUrl(config)
  const options = { url, erasureKey, name: 'erasures', poolSize: 1, statementTimeoutMs: 60_000 }
  const db = createDatabase(options)
  const confined: Confined = async (project, work) => {
    const own = createDatabase({ ...options, sharingSuppressions: config.projects.sharingSuppressions, project })
    return work(own).finally(() => own.$disconnect())
  }
  try {
    await withDatabaseDeadline(3_000, () => requireErasureKey(db))
    return await work(db, fingerprintOf(erasureKey), config.projects.accounts.size === 0 ? null : confined)
  } catch (error) {
    if (sqlStateOf(error as Error) !== undefinedTable) throw error
    throw new ConfigurationError('The tables are of an older version: run npm run migrate first.', { cause: error })
  } finally {
    await db.$disconnect()
  }
}

const undefinedTable = '42P01'

function showProgress({ progress }: CommandContext, { persons, compared }: ErasedAgain): void {
  if (progress.isTTY) progress.write(`\r${compared.events} events, ${persons} persons `)
}

const textOf = ({ persons, emails, events, suppressions, pending, compared }: ErasedAgain): string =>
  [
    `${compared.addresses} addresses and ${compared.events} events were compared with the ledger.`,
    `${persons} ${persons === 1 ? 'person was' : 'persons were'} erased again: ${emails} emails, ${events} events, ${suppressions} suppressions.`,
    ...(pending > 0 ? [`${pending} pending events will be erased when they are applied.`] : []),
  ].join('\n')
