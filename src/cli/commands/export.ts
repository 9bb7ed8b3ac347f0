import { Command, Option } from 'commander'
import { type Config, readConfig } from '../../config.ts'
import { createDatabase, type Database, withDatabaseDeadline } from '../../db/database.ts'
import { nextEmailHour, nextEventHour, readEndedHours, whenWritersEnded } from '../../db/exports.ts'
import { schedulePool } from '../../db/pools.ts'
import { readCredentials } from '../../embedded/credentials.ts'
import { ConfigurationError } from '../../errors.ts'
import { createAddressHash, exportHashKey } from '../../exports/address-hash.ts'
import { createDestination, isBucket } from '../../exports/create-destination.ts'
import { createDatasets, type Dataset, type DatasetName, datasetNames } from '../../exports/datasets.ts'
import { exportHour, type HourExport, isExported } from '../../exports/export-hour.ts'
import { type ExportFormat, exportFormats } from '../../exports/hour-file.ts'
import { type CommandContext, type JsonOption, printResult, timeOf, UsageError, withJson } from '../command-context.ts'
import { findDatabaseUrl } from '../database-url.ts'

interface ExportOptions extends JsonOption {
  readonly to: string
  readonly since?: string
  readonly until?: string
  readonly format?: ExportFormat
  readonly dataset?: DatasetName
  readonly again?: boolean
}

/** What was exported of a dataset. */
interface Exported {
  readonly hours: number
  readonly rows: number
  /** Hours that were there. */
  readonly skipped: number
}

/** Exports events and emails by hour. Uses the database itself: the API may be stopped. */
export const exportCommand = (context: CommandContext): Command =>
  withJson(
    new Command('export')
      .description('write events and emails, hour by hour, to a folder or a bucket; run again, it goes on')
      .requiredOption('--to <folder>', 'a folder, or s3://bucket/prefix with S3_ACCESS_KEY_ID and the other settings')
      .option('--since <time>', 'a duration such as 30d, or an ISO 8601 time; default: from the first hour')
      .option('--until <time>', 'the same; default: the last hour that is complete')
      .addOption(new Option('--format <format>', 'default: EXPORT_FORMATS, else parquet').choices(exportFormats))
      .addOption(new Option('--dataset <name>', 'default: both').choices(datasetNames))
      .option('--again', 'write hours of events again that are there, from what is stored now')
      .action(async (options: ExportOptions) => {
        const exported = await exportAll(context, options)
        printResult(context, options, exported, () =>
          Object.entries(exported)
            .map(
              ([name, { hours, rows, skipped }]) => `${name}: ${rows} in ${hours} hours, ${skipped} hours were there`,
            )
            .join('\n'),
        )
      }),
  )

async function exportAll(context: CommandContext, options: ExportOptions): Promise<Record<string, Exported>> {
  const now = Date.now()
  const config = readConfig(context.env)
  const key = exportHashKey(config.dataExport.hashKey, await erasureKeyOf(config))
  if (key === null) throw new ConfigurationError('EXPORT_HASH_KEY is not set: set the key for the hashes of addresses.')
  const destination = destinationOf(config, options)
  const db = createDatabase({ ...schedulePool, url: await findDatabaseUrl(config), name: 'export', poolSize: 2 })
  try {
    const { withAddresses } = config.dataExport
    const datasets = createDatasets({ db, hashOf: createAddressHash(key), withAddresses })
    const range = await rangeOf(db, options, now)
    const formats = options.format === undefined ? config.dataExport.formats : [options.format]
    const exported: Record<string, Exported> = {}
    for (const name of options.dataset === undefined ? datasetNames : [options.dataset]) {
      const onHour = (hour: Date) => showProgress(context, name, hour)
      const hours = hoursOf(db, name, range)
      // An email may have changed since: its hour is written again.
      const isAgain = name === 'emails' || options.again === true
      exported[name] = await exportHours(datasets[name], hours, { destination, formats, isAgain, onHour })
    }
    return exported
  } finally {
    await db.$disconnect()
  }
}

interface HoursOptions extends Pick<HourExport, 'destination' | 'formats'> {
  /** Whether hours that are there are written again. */
  readonly isAgain: boolean
  readonly onHour: (hour: Date) => void
}

async function exportHours(
  dataset: Dataset,
  hours: AsyncIterable<Date>,
  { isAgain, onHour, ...to }: HoursOptions,
): Promise<Exported> {
  const sum = { hours: 0, rows: 0, skipped: 0 }
  for await (const hour of hours) {
    onHour(hour)
    if (!isAgain && (await isExported(to.destination, dataset.name, hour, to.formats))) {
      sum.skipped += 1
      continue
    }
    sum.rows += await exportHour(dataset, hour, { ...to, onProgress: () => {} })
    sum.hours += 1
  }
  return sum
}

const erasureKeyOf = async ({ erasureKey, dataDir }: Config): Promise<string | null> =>
  erasureKey ?? (await readCredentials(dataDir))?.erasureKey ?? null

function destinationOf({ dataExport }: Config, { to }: ExportOptions) {
  if (isBucket(to) && dataExport.s3 === null) {
    throw new ConfigurationError('S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY are not set: --to is a bucket.')
  }
  if (to.includes('://') && !isBucket(to)) throw new UsageError('--to must be a folder, or s3://bucket/prefix')
  return createDestination(to, dataExport.s3)
}

interface HourRange {
  readonly from: Date
  /** Not included. */
  readonly to: Date
}

/** For transactions under way. A roll-up of many emails takes minutes. */
const writersDeadlineMs = 5 * 60_000

async function rangeOf(db: Database, { since, until }: ExportOptions, now: number): Promise<HourRange> {
  const ended = await withDatabaseDeadline(5_000, () => readEndedHours(db))
  if (!(await whenWritersEnded(db, { deadlineMs: writersDeadlineMs, onWait: () => {} }))) {
    throw new UsageError(
      'a transaction has been open for 5 minutes, so no hour is known to be complete: try again later',
    )
  }
  const to = until === undefined ? ended : new Date(timeOf(until, now))
  return { from: wholeHour(since === undefined ? 0 : Date.parse(timeOf(since, now))), to: to < ended ? to : ended }
}

const hourMs = 3_600_000
const wholeHour = (at: number): Date => new Date(Math.floor(at / hourMs) * hourMs)

/** The hours of a range that have rows. An hour that the range ends within is not complete, and left out. */
async function* hoursOf(db: Database, name: DatasetName, { from, to }: HourRange): AsyncGenerator<Date> {
  const next = name === 'events' ? nextEventHour : nextEmailHour
  for (let at: Date | null = from; ; at = new Date(Number(at) + hourMs)) {
    at = await next(db, at)
    if (at === null || Number(at) + hourMs > Number(to)) return
    yield at
  }
}

function showProgress({ progress }: CommandContext, name: DatasetName, hour: Date): void {
  if (progress.isTTY) progress.write(`\r${name} ${hour.toISOString().slice(0, 13)}h `)
}
