import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { ConfigurationError } from '../../errors.ts'
import { proofOf } from '../../providers/mapped/mapped-adapter.ts'
import { mappedEntry } from '../../providers/mapped/mapped-entry.ts'
import type { Mapping } from '../../providers/mapped/mapping.ts'
import { readMappings } from '../../providers/mapped/mappings-file.ts'
import { providers } from '../../providers/registry.ts'
import {
  type CommandContext,
  exitCodes,
  type JsonOption,
  printResult,
  UsageError,
  withJson,
} from '../command-context.ts'
import { isReadable, reportOnSample, reportText } from '../mapping-report.ts'

interface TestOptions extends JsonOption {
  readonly mapping?: string
  readonly sender?: string
  readonly headers?: string
}

/** Tries mappings of senders of one's own. */
export const mappingCommand = (context: CommandContext): Command =>
  new Command('mapping').description('try the mapping of a sender of your own').addCommand(testCommand(context))

const testCommand = (context: CommandContext): Command =>
  withJson(
    new Command('test')
      .description('print the events that a mapping makes of a sample, and what each of its paths finds')
      .argument('<sample>', 'a file with the body of a webhook')
      .option('--mapping <file>', 'the mappings (default: MAPPINGS_FILE)')
      .option('--sender <name>', 'the sender in it (default: the only one)')
      .option('--headers <file>', 'the headers of the request, one on each line, to verify its signature too'),
  ).action(async (path: string, options: TestOptions) => {
    const mapping = mappingFor(options, context)
    const body = await bytesOf(path)
    const headers = options.headers === undefined ? null : headersIn((await bytesOf(options.headers)).toString('utf8'))
    const report = reportOnSample(mapping, body, headers ?? {}, Date.now())
    const isGenuine = headers && (await isVerified(mapping, body, headers, context))
    printResult(context, options, { ...report, isGenuine }, () =>
      [...(isGenuine === null ? [] : [`signature: ${isGenuine ? 'valid' : 'NOT VALID'}`]), reportText(report)].join(
        '\n',
      ),
    )
    if (!isReadable(report) || isGenuine === false) context.endWith(exitCodes.problemFound)
  })

/** @throws ConfigurationError if the file is not valid. */
function mappingFor({ mapping: file, sender }: TestOptions, { env }: CommandContext): Mapping {
  const path = file ?? env['MAPPINGS_FILE']
  if (!path) throw new UsageError('set --mapping or MAPPINGS_FILE')
  const { mappings, errors } = readMappings(path, providers)
  if (errors.length > 0) throw new ConfigurationError(errors.join('\n'))
  const names = mappings.map(({ name }) => name).join(', ')
  const found =
    sender === undefined
      ? mappings.length === 1
        ? mappings[0]
        : undefined
      : mappings.find(({ name }) => name === sender)
  if (!found) throw new UsageError(`--sender must be one of ${names}`)
  return found
}

async function bytesOf(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw new UsageError(`${path} cannot be read: check that the file exists.`, { cause })
  }
}

/** As curl prints them. Names in lower case. */
function headersIn(text: string): Record<string, string> {
  const pairs = text.split(/\r?\n/).flatMap((line) => {
    const [, name, value] = /^<? ?([\w-]+): *(.*)$/.exec(line.trim()) ?? []
    return name === undefined || value === undefined ? [] : [[name.toLowerCase(), value] as const]
  })
  return Object.fromEntries(pairs)
}

/** With the secrets in the sender's variable. */
async function isVerified(
  mapping: Mapping,
  body: Buffer,
  headers: Record<string, string>,
  { env }: CommandContext,
): Promise<boolean> {
  const { variable } = mappedEntry(mapping)
  const secrets = (env[variable] ?? '')
    .split(',')
    .map((secret) => secret.trim())
    .filter(Boolean)
  if (secrets.length === 0) throw new UsageError(`--headers needs the secret in ${variable}`)
  return proofOf(mapping).verify(body, headers, secrets)
}
