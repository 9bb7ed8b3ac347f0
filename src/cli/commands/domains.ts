import { Command } from 'commander'
import type { Domain } from '../../client/domain-types.ts'
import { type ApiOptions, type CommandContext, clientFor, exitCodes, printResult, withApi } from '../command-context.ts'
import { type ImportedFile, importReports, reportFilesIn } from '../report-files.ts'
import { findApi } from '../target.ts'

/** Imports DMARC reports, and checks sending domains. */
export const domainsCommand = (context: CommandContext): Command =>
  new Command('domains')
    .description('import DMARC reports, or check what a sending domain publishes')
    .addCommand(withApi(importCommand(context)))
    .addCommand(withApi(checkCommand(context)))

const importCommand = (context: CommandContext): Command =>
  new Command('import')
    .description('import DMARC aggregate reports; exit code 1 if a file cannot be read')
    .argument('<path...>', 'files (.xml, .gz, .zip), or folders with such files')
    .action(async (paths: string[], options: ApiOptions) => {
      const api = await findApi(options, context.env)
      const files: ImportedFile[] = []
      for (const path of await reportFilesIn(paths)) files.push(await importReports(api, path))
      printResult(context, options, files, () => importText(files))
      if (files.some(({ error }) => error !== null)) context.endWith(exitCodes.problemFound)
    })

function importText(files: readonly ImportedFile[]): string {
  const sum = (key: 'stored' | 'repeated') => files.reduce((total, file) => total + file[key], 0)
  const failed = files.filter(({ error }) => error !== null)
  return [
    ...failed.map(({ path, error }) => `${path}: ${error}`),
    `${sum('stored')} stored, ${sum('repeated')} stored before, ${failed.length} not read`,
  ].join('\n')
}

const checkCommand = (context: CommandContext): Command =>
  new Command('check')
    .description('check SPF, DKIM and DMARC of a domain; exit code 1 if there is an error')
    .argument('<domain>')
    .action(async (name: string, options: ApiOptions) => {
      const domain = await (await clientFor(options, context)).domains.get(name)
      printResult(context, options, domain, () => checkText(domain))
      if (domain.findings.some(({ severity }) => severity === 'error')) context.endWith(exitCodes.problemFound)
    })

function checkText({ domain, messages, passRate, findings }: Domain): string {
  const reported = passRate === null ? 'no reports' : `${(passRate * 100).toFixed(1)} % of ${messages} messages pass`
  return [
    `${domain}: ${reported} in 30 days`,
    ...findings.flatMap(({ severity, problem, change, record }) => [
      `${severity.padEnd(8)} ${problem}`,
      `         ${change}`,
      ...(record === null ? [] : [`         ${record.name} TXT "${record.value}"`]),
    ]),
    ...(findings.length === 0 ? ['Nothing to change.'] : []),
  ].join('\n')
}
