import { Command } from 'commander'
import { request } from '../../client/request.ts'
import { scopeNames } from '../../domain/access.ts'
import {
  type ApiOptions,
  type CommandContext,
  exitCodes,
  printResult,
  tableOf,
  UsageError,
  withApi,
} from '../command-context.ts'
import { findApi } from '../target.ts'

interface NamedKey {
  readonly id: string
  readonly name: string
  readonly scopes: readonly string[]
  /** Absent from servers before projects. */
  readonly project?: string
  readonly createdAt: string
  readonly lastUsedAt: string | null
  readonly revokedAt: string | null
}

/** Creates, lists and revokes named API keys. Needs a key with the scope `admin`, such as one of API_KEYS. */
export const keysCommand = (context: CommandContext): Command =>
  new Command('keys')
    .description('create, list and revoke API keys')
    .addCommand(withApi(listCommand(context)), { isDefault: true })
    .addCommand(withApi(createCommand(context)))
    .addCommand(withApi(revokeCommand(context)))

const listCommand = (context: CommandContext): Command =>
  new Command('list').description('list the named keys, the newest first').action(async (options: ApiOptions) => {
    const { data } = await call<{ data: NamedKey[] }>(context, options, { method: 'GET', path: '/v1/keys' })
    printResult(context, options, data, () => listText(data))
  })

const createCommand = (context: CommandContext): Command =>
  new Command('create')
    .description('create a key, and print it: it cannot be shown again')
    .argument('<name>', 'of the application or person that gets it')
    .requiredOption(
      '--scope <scopes...>',
      `${scopeNames.slice(0, -1).join(', ')} or ${scopeNames.at(-1)}; several are allowed`,
    )
    .option('--project <name>', 'whose data the key reaches; default: that of the key that creates it, or `default`')
    .action(
      async (name: string, options: ApiOptions & { readonly scope: readonly string[]; readonly project?: string }) => {
        const created = await call<NamedKey & { key: string }>(context, options, {
          method: 'POST',
          path: '/v1/keys',
          body: { name, scopes: options.scope, project: options.project },
        })
        printResult(context, options, created, () => created.key)
      },
    )

const revokeCommand = (context: CommandContext): Command =>
  new Command('revoke')
    .description('revoke a key: it opens nothing after five seconds; exit code 1 if there is none')
    .argument('<id>', 'as `list` prints it')
    .action(async (id: string, options: ApiOptions) => {
      const { apiUrl, apiKey } = await findApi(options, context.env)
      const path = `/v1/keys/${encodeURIComponent(id)}`
      const answer = await request({ url: apiUrl, apiKey }, { method: 'DELETE', path, signal: context.signal })
      const isRevoked = answer !== null
      printResult(context, options, { id, revoked: isRevoked }, () =>
        isRevoked ? `${id} is revoked.` : `There is no key ${id}.`,
      )
      if (!isRevoked) context.endWith(exitCodes.problemFound)
    })

async function call<T>(
  context: CommandContext,
  options: ApiOptions,
  sent: { readonly method: 'GET' | 'POST'; readonly path: string; readonly body?: object },
): Promise<T> {
  const { apiUrl, apiKey } = await findApi(options, context.env)
  const answer = await request<T>({ url: apiUrl, apiKey }, { ...sent, signal: context.signal })
  if (answer === null) throw new UsageError(`${apiUrl} has no named keys: its release is older than this command.`)
  return answer
}

function listText(keys: readonly NamedKey[]): string {
  if (keys.length === 0) return 'There are no named keys: only those of API_KEYS.'
  const rows = keys.map(({ id, name, scopes, project = '', createdAt, lastUsedAt, revokedAt }) => [
    ...[id, name, project, scopes.join(' '), createdAt.slice(0, 10)],
    revokedAt === null ? (lastUsedAt?.slice(0, 16).replace('T', ' ') ?? 'never') : 'revoked',
  ])
  return tableOf([['id', 'name', 'project', 'scopes', 'created', 'last used'], ...rows]).join('\n')
}
