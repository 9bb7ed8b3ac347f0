import { Command, Option } from 'commander'
import { type ApiOptions, type CommandContext, clientFor, exitCodes, tell, withApi } from '../command-context.ts'
import { exportTo, type FileFormat, formatOf, type ImportReport, importFile, openFile } from '../suppression-files.ts'
import { findApi } from '../target.ts'

interface ImportOptions extends ApiOptions {
  readonly dryRun?: boolean
  readonly format?: FileFormat
}

/** Who must not be written to. */
export const suppressionsCommand = (context: CommandContext): Command =>
  new Command('suppressions')
    .description('the suppression list')
    .addCommand(withApi(importCommand(context)))
    .addCommand(withApi(exportCommand(context)))
    .addCommand(withApi(checkCommand(context)))

const checkCommand = (context: CommandContext): Command =>
  new Command('check')
    .description('whether addresses may be written to; exits with 1 if any may not')
    .argument('<address...>', 'up to 1,000')
    .action(async (addresses: string[], options: ApiOptions) => {
      const entries = await (await clientFor(options, context)).checkSuppressions(addresses)
      tell(context, options, entries, () =>
        entries
          .map(({ address, suppressed, reason, since }) =>
            suppressed ? `suppressed  ${address}  ${reason} since ${since}` : `free        ${address}`,
          )
          .join('\n'),
      )
      if (entries.some(({ suppressed }) => suppressed)) context.endWith(exitCodes.notWell)
    })

const importCommand = (context: CommandContext): Command =>
  new Command('import')
    .description('suppress the addresses of a file; exits with 1 if a line is not understood')
    .argument('<file>', 'CSV with the columns address and reason, or JSON lines (.jsonl); - reads standard input')
    .option('--dry-run', 'only look')
    .addOption(new Option('--format <format>', 'what the file is (default: by its name)').choices(['csv', 'jsonl']))
    .action(async (path: string, options: ImportOptions) => {
      const api = await findApi(options, context.env)
      const input = path === '-' ? context.stdin : await openFile(path)
      const format = options.format ?? formatOf(path)
      const report = await importFile(api, input, { format, dryRun: options.dryRun === true })
      tell(context, options, report, () => reportWords(report))
      if (report.invalid > 0) context.endWith(exitCodes.notWell)
    })

const reportWords = ({ dryRun, added, known, invalid, mistakes }: ImportReport): string =>
  [
    `${added} ${dryRun ? 'would be added' : 'added'}, ${known} known, ${invalid} not understood`,
    ...mistakes.map(({ line, message }) => `  line ${line}: ${message}`),
    ...(invalid > mistakes.length ? [`  … and ${invalid - mistakes.length} more`] : []),
  ].join('\n')

const exportCommand = (context: CommandContext): Command =>
  new Command('export')
    .description('the list as CSV, to a file or to standard output')
    .argument('[file]')
    .action(async (path: string | undefined, options: ApiOptions) => {
      await exportTo(await findApi(options, context.env), path ?? null, context.output)
      if (path !== undefined) tell(context, options, { file: path }, () => `Written to ${path}.`)
    })
