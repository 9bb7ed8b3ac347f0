import { Command, Option } from 'commander'
import { type ApiOptions, type CommandContext, clientFor, exitCodes, printResult, withApi } from '../command-context.ts'
import { runToEnd, statementText } from '../reconciliation-run.ts'
import { exportTo, type FileFormat, formatOf, type ImportReport, importFile, openFile } from '../suppression-files.ts'
import { findApi } from '../target.ts'

interface ImportOptions extends ApiOptions {
  readonly dryRun?: boolean
  readonly format?: FileFormat
}

/** Checks, imports and exports the suppression list, and makes it agree with those of providers. */
export const suppressionsCommand = (context: CommandContext): Command =>
  new Command('suppressions')
    .description('check, import or export the suppression list, or make it agree with a provider’s')
    .addCommand(withApi(importCommand(context)))
    .addCommand(withApi(exportCommand(context)))
    .addCommand(withApi(checkCommand(context)))
    .addCommand(withApi(changeCommand(context, 'push', 'add ours to the list of a provider', 'added')))
    .addCommand(
      withApi(
        changeCommand(context, 'push-removals', 'remove from the list of a provider what was removed here', 'removed'),
      ),
    )
    .addCommand(
      withApi(changeCommand(context, 'pull-removals', 'remove from ours what was removed at a provider', 'removed')),
    )

interface ChangeOptions extends ApiOptions {
  readonly provider: string
  readonly dryRun?: boolean
}

/** @param done what the change has done to an address. */
const changeCommand = (context: CommandContext, name: string, description: string, done: string): Command =>
  new Command(name)
    .description(`${description}; exit code 1 if it failed`)
    .requiredOption('--provider <name>', 'as emails are stored: sendgrid, or shop:sendgrid for a project')
    .option('--dry-run', 'count, and change nothing')
    .action(async (options: ChangeOptions) => {
      const { provider, dryRun = false } = options
      const run = await runToEnd(context, options, `/v1/suppressions/${name}`, { provider, dryRun })
      printResult(context, options, run, () => statementText(run, dryRun ? `would be ${done}` : done))
      if (run.failure !== null) context.endWith(exitCodes.problemFound)
    })

const checkCommand = (context: CommandContext): Command =>
  new Command('check')
    .description('check whether addresses are suppressed; exit code 1 if any is')
    .argument('<address...>', 'up to 1,000 addresses')
    .action(async (addresses: string[], options: ApiOptions) => {
      const entries = await (await clientFor(options, context)).checkSuppressions(addresses)
      printResult(context, options, entries, () =>
        entries
          .map(({ address, suppressed, reason, since }) =>
            suppressed ? `suppressed  ${address}  ${reason} since ${since}` : `allowed     ${address}`,
          )
          .join('\n'),
      )
      if (entries.some(({ suppressed }) => suppressed)) context.endWith(exitCodes.problemFound)
    })

const importCommand = (context: CommandContext): Command =>
  new Command('import')
    .description('suppress the addresses of a file; exit code 1 if a line is invalid')
    .argument('<file>', 'CSV with the columns address and reason, or JSON lines (.jsonl); - reads standard input')
    .option('--dry-run', 'show what would be added, and change nothing')
    .addOption(new Option('--format <format>', 'format of the file (default: by its name)').choices(['csv', 'jsonl']))
    .action(async (path: string, options: ImportOptions) => {
      const api = await findApi(options, context.env)
      const input = path === '-' ? context.stdin : await openFile(path)
      const format = options.format ?? formatOf(path)
      const report = await importFile(api, input, { format, dryRun: options.dryRun === true })
      printResult(context, options, report, () => reportText(report))
      if (report.invalid > 0) context.endWith(exitCodes.problemFound)
    })

const reportText = ({ dryRun, added, known, skipped = 0, invalid, mistakes }: ImportReport): string =>
  [
    `${added} ${dryRun ? 'would be added' : 'added'}, ${known} already suppressed, ${skipped} skipped, ${invalid} invalid`,
    ...mistakes.map(({ line, message }) => `  line ${line}: ${message}`),
    ...(invalid > mistakes.length ? [`  … and ${invalid - mistakes.length} more`] : []),
  ].join('\n')

const exportCommand = (context: CommandContext): Command =>
  new Command('export')
    .description('write the list as CSV to a file, or to standard output')
    .argument('[file]')
    .action(async (path: string | undefined, options: ApiOptions) => {
      await exportTo(await findApi(options, context.env), path ?? null, context.output)
      if (path !== undefined) printResult(context, options, { file: path }, () => `Written to ${path}.`)
    })
