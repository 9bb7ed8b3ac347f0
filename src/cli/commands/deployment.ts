import { type Client, isGrpcServiceError } from '@temporalio/client'
import { Command } from 'commander'
import { readConfig } from '../../config.ts'
import { readRunning } from '../../embedded/running.ts'
import { TemporalUnavailableError } from '../../errors.ts'
import { createTemporalClient } from '../../temporal/connection.ts'
import {
  DeploymentRefusedError,
  type DeploymentRouting,
  promote,
  readRouting,
  thisBuildId,
} from '../../temporal/deployment.ts'
import {
  type CommandContext,
  exitCodes,
  type JsonOption,
  printResult,
  UsageError,
  withJson,
} from '../command-context.ts'

interface DeploymentOptions extends JsonOption {
  readonly name?: string
  readonly ramp?: string
}

/** Lists and promotes the builds of a Worker Deployment, for workers with WORKER_DEPLOYMENT. */
export const deploymentCommand = (context: CommandContext): Command =>
  new Command('deployment')
    .description('list the builds of a Worker Deployment, or promote one')
    .addCommand(withName(listCommand(context)), { isDefault: true })
    .addCommand(withName(promoteCommand(context)))

const withName = (command: Command): Command =>
  withJson(command.option('--name <name>', 'name of the deployment (default: WORKER_DEPLOYMENT)'))

const listCommand = (context: CommandContext): Command =>
  new Command('list')
    .description('list its builds and which of them runs workflows; exit code 1 if none does')
    .action(async (options: DeploymentOptions) => {
      const { name, routes } = await withClient(options, context, async (client, name) => ({
        name,
        routes: await readRouting(client, name),
      }))
      const { current = null, ramping = null, builds = [] } = routes ?? {}
      printResult(context, options, { name, current, ramping, builds }, () => listText(name, routes))
      if (current === null) context.endWith(exitCodes.problemFound)
    })

const promoteCommand = (context: CommandContext): Command =>
  new Command('promote')
    .description('run workflows on a build; to roll back, promote the older build')
    .argument('<build>', 'the build ID, or `this` for the build of this program')
    .option('--ramp <percentage>', 'run a share of the workflows on it, such as 10%; 0% ends the ramp')
    .action(async (build: string, options: DeploymentOptions) => {
      const buildId = build === 'this' ? thisBuildId() : build
      const ramp = options.ramp === undefined ? null : percentageOf(options.ramp)
      await withClient(options, context, async (client, name) => {
        await promote(client, { name, buildId }, ramp)
        printResult(context, options, { name, buildId, ramp }, () =>
          ramp === null
            ? `${buildId} is current: workflows of ${name} run on it from their next task.`
            : `${ramp} % of the workflows of ${name} run on ${buildId} from their next task.`,
        )
      })
    })

function percentageOf(given: string): number {
  const percentage = /^\d{1,3}(\.\d+)?%$/.test(given) ? Number(given.slice(0, -1)) : Number.NaN
  if (!(percentage <= 100)) throw new UsageError('--ramp must be a percentage such as 10%')
  return percentage
}

const timeoutMs = 10_000

async function withClient<T>(
  { name: given }: DeploymentOptions,
  { env }: CommandContext,
  work: (client: Client, name: string) => Promise<T>,
): Promise<T> {
  // Only Temporal is needed. Settings that only an API needs may be missing.
  const config = env['TEMPORAL_ADDRESS']
    ? readConfig({ ...env, ROLE: 'worker', DATABASE_URL: 'postgresql://not-used' })
    : readConfig(env)
  const name = given ?? config.deployment
  if (name === null)
    throw new UsageError('No deployment is named: set WORKER_DEPLOYMENT to that of the workers, or --name.')
  const { namespace, security } = config.temporal
  const address = config.temporal.address ?? (await readRunning(config.dataDir))?.temporalAddress
  if (!address)
    throw new UsageError('No address of Temporal is known: set TEMPORAL_ADDRESS, or start Aftersend with aftersend up.')
  const client = createTemporalClient({ address, namespace, security })
  try {
    return await client.withDeadline(Date.now() + timeoutMs, () => work(client, name))
  } catch (error) {
    throw translated(error, address)
  } finally {
    await client.connection.close()
  }
}

/** gRPC status codes of a server that does not answer: google.golang.org/grpc/codes. */
const unavailableCodes = new Set([4 /* DEADLINE_EXCEEDED */, 14 /* UNAVAILABLE */])

function translated(error: unknown, address: string): unknown {
  if (!isGrpcServiceError(error)) return error
  return unavailableCodes.has(error.code)
    ? new TemporalUnavailableError(
        `Temporal at ${address} does not answer: check that it is running and TEMPORAL_ADDRESS is right.`,
      )
    : new DeploymentRefusedError(`Temporal at ${address} refused the request: ${error.details}`)
}

function listText(name: string, routes: DeploymentRouting | null): string {
  if (routes === null) return `Temporal has no deployment ${name}: none of its workers has polled yet.`
  const lines = routes.builds.map(({ buildId, state, firstSeenAt }) => {
    const ramp = state === 'ramping' ? `ramping ${routes.ramping?.percentage} %` : state
    return `${ramp.padEnd(13)} ${buildId}  first seen ${firstSeenAt}`
  })
  const advice = 'No build is current, so no workflow runs. Promote one: aftersend deployment promote BUILD'
  return [...lines, ...(routes.current === null ? [advice] : [])].join('\n')
}
