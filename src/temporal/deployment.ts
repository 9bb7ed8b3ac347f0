/** Temporal's Worker Deployment Versioning: which build of the workflow code runs workflows, if several are deployed. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Client, isGrpcServiceError } from '@temporalio/client'
import type { WorkerOptions } from '@temporalio/worker'
import { version } from '../version.ts'
import { grpcCode } from './grpc-codes.ts'

export interface Deployment {
  /** The deployment that the builds belong to. Never changes. */
  readonly name: string
  readonly buildId: string
}

/**
 * The release, and a hash of the workflow code: the workflows, and the domain that they import. Builds that differ in other code
 * only run workflows alike, and have the same ID.
 */
export function thisBuildId(): string {
  const hash = createHash('sha256')
  for (const room of ['../workflows/', '../domain/']) {
    const folder = fileURLToPath(new URL(room, import.meta.url))
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => /\.[jt]s$/.test(file))
    for (const file of files.filter((file) => !file.endsWith('.d.ts')).toSorted()) {
      if (statSync(folder + file).isFile()) hash.update(file).update(readFileSync(folder + file))
    }
  }
  return `${version}-${hash.digest('hex').slice(0, 12)}`
}

/**
 * Workflows move to the current build. They last up to two weeks, and the workers of the build that started them need not run for
 * so long. `patched()` and the replay tests make the move safe.
 */
export const versioningOf = ({ name: deploymentName, buildId }: Deployment) =>
  ({
    workerDeploymentOptions: {
      version: { deploymentName, buildId },
      useWorkerVersioning: true,
      defaultVersioningBehavior: 'AUTO_UPGRADE',
    },
  }) satisfies Partial<WorkerOptions>

interface Build {
  readonly buildId: string
  readonly state: 'current' | 'ramping' | 'idle'
  /** When its first worker polled, ISO 8601. */
  readonly firstSeenAt: string | null
}

/** Which builds run workflows. */
export interface DeploymentRouting {
  /** Null: none. Workflows outside the ramp then run on workers without WORKER_DEPLOYMENT, if there are any. */
  readonly current: string | null
  /** The build that runs a percentage of the workflows. */
  readonly ramping: { readonly buildId: string; readonly percentage: number } | null
  /** All builds that Temporal knows, newest first. It removes a build some time after its last worker. */
  readonly builds: readonly Build[]
  /** Sent with a change, which Temporal then refuses if another change came first. */
  readonly conflictToken: Uint8Array | null
}

/** A change to a deployment was refused. The message says why. */
export class DeploymentRefusedError extends Error {
  override name = 'DeploymentRefusedError'
}

/** @returns null if Temporal does not know the deployment. @throws the client's error if Temporal is unavailable or refuses the call. */
export async function readRouting(client: Client, deploymentName: string): Promise<DeploymentRouting | null> {
  const { namespace } = client.options
  try {
    const { workerDeploymentInfo: info, conflictToken } = await client.workflowService.describeWorkerDeployment({
      namespace,
      deploymentName,
    })
    const { currentDeploymentVersion, rampingDeploymentVersion, rampingVersionPercentage } = info?.routingConfig ?? {}
    const current = currentDeploymentVersion?.buildId ?? null
    const rampingBuildId = rampingDeploymentVersion?.buildId
    const ramping = rampingBuildId ? { buildId: rampingBuildId, percentage: rampingVersionPercentage ?? 0 } : null
    const stateOf = (buildId: string) =>
      buildId === current ? 'current' : buildId === ramping?.buildId ? 'ramping' : 'idle'
    const builds = (info?.versionSummaries ?? []).map(({ deploymentVersion, createTime }): Build => {
      const buildId = deploymentVersion?.buildId ?? ''
      const firstSeenAt = createTime ? new Date(Number(createTime.seconds) * 1_000).toISOString() : null
      return { buildId, state: stateOf(buildId), firstSeenAt }
    })
    const newestFirst = builds.toSorted((one, other) => (other.firstSeenAt ?? '').localeCompare(one.firstSeenAt ?? ''))
    return { current, ramping, builds: newestFirst, conflictToken: conflictToken ?? null }
  } catch (error) {
    if (isGrpcServiceError(error) && error.code === grpcCode.notFound) return null
    throw error
  }
}

/**
 * Moves workflows to a build: all of them, which ends a ramp, or `rampPercentage` of them. A worker never promotes its own
 * build: a restart would undo a rollback.
 * @throws DeploymentRefusedError if Temporal does not know the build; the client's error if Temporal is unavailable or refuses.
 */
export async function promote(
  client: Client,
  { name, buildId }: Deployment,
  rampPercentage: number | null,
): Promise<void> {
  const routing = await readRouting(client, name)
  if (!routing?.builds.some((build) => build.buildId === buildId)) throw unknownBuild(name, buildId, routing)
  const { workflowService } = client
  const common = { namespace: client.options.namespace, deploymentName: name, identity: client.options.identity }
  const token = (conflictToken: Uint8Array | null) => (conflictToken ? { conflictToken } : {})
  if (rampPercentage !== null) {
    if (routing.current === buildId) throw new DeploymentRefusedError(`${buildId} is current: ramp to another build.`)
    const ramp = { ...common, buildId, percentage: rampPercentage, ...token(routing.conflictToken) }
    await workflowService.setWorkerDeploymentRampingVersion(ramp)
    return
  }
  let { conflictToken } = routing
  if (routing.ramping && routing.ramping.buildId !== buildId) {
    const noRamp = { ...common, buildId: '', percentage: 0, ...token(conflictToken) }
    conflictToken = (await workflowService.setWorkerDeploymentRampingVersion(noRamp)).conflictToken
  }
  await workflowService.setWorkerDeploymentCurrentVersion({ ...common, buildId, ...token(conflictToken) })
}

function unknownBuild(name: string, buildId: string, routing: DeploymentRouting | null): DeploymentRefusedError {
  const known = routing?.builds.map((build) => build.buildId).join(', ')
  return new DeploymentRefusedError(
    `Temporal knows no build ${buildId} of deployment ${name}: start a worker of it first. Known: ${known || 'none'}.`,
  )
}

/** The log level and message of a worker about its own build. */
export function routingMessage(
  { name, buildId }: Deployment,
  routing: DeploymentRouting | null,
): ['debug' | 'info' | 'warn', string] {
  const command = `aftersend deployment promote ${buildId}`
  if (!routing?.builds.some((build) => build.buildId === buildId)) {
    return ['debug', `Temporal does not know build ${buildId} yet`]
  }
  if (routing.current === buildId) return ['info', `build ${buildId} is current: workflows run on it`]
  if (routing.ramping?.buildId === buildId) {
    return ['info', `build ${buildId} ramps: ${routing.ramping.percentage} % of workflows run on it`]
  }
  return [
    'warn',
    routing.current === null
      ? `no build of deployment ${name} is current, so its workers run no workflows; promote this one with: ${command}`
      : `workflows run on build ${routing.current}, none on this worker's build; promote it with: ${command}`,
  ]
}
