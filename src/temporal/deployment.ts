/** Which build of the workflow code runs lives, where several run at once: Temporal's Worker Deployment Versioning. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Client } from '@temporalio/client'
import type { WorkerOptions } from '@temporalio/worker'
import { version } from '../version.ts'

export interface Deployment {
  /** What the builds are builds of. The same for ever. */
  readonly name: string
  readonly buildId: string
}

/**
 * This build, by its release and what its workflow code says: the code of workflows, and of the domain that they import.
 * Two builds that differ in anything else alone run lives alike, and are one.
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
 * Lives move to the build that is current, rather than stay with the one that they began with: they last up to two weeks, and
 * nobody keeps the workers of every build for as long. That they can move is what `patched()` and the recorded histories see to.
 */
export const versioningOf = ({ name: deploymentName, buildId }: Deployment) =>
  ({
    workerDeploymentOptions: {
      version: { deploymentName, buildId },
      useWorkerVersioning: true,
      defaultVersioningBehavior: 'AUTO_UPGRADE',
    },
  }) satisfies Partial<WorkerOptions>

/**
 * Makes this build the one that lives run on, unless a newer one is already: newer is what Temporal saw later for the first
 * time. So the workers of a new release take over by themselves, and one of the old release that is restarted does not.
 * @throws the client's own error when Temporal is away or does not allow it, BuildUnknownError until the worker has polled.
 */
export async function takeOver(client: Client, { name, buildId }: Deployment): Promise<'current' | 'older'> {
  const { workflowService } = client
  const { namespace } = client.options
  const { workerDeploymentInfo: info, conflictToken } = await workflowService.describeWorkerDeployment({
    namespace,
    deploymentName: name,
  })
  const firstSeenAt = (build: string | null | undefined) => {
    const found = info?.versionSummaries?.find(({ deploymentVersion }) => deploymentVersion?.buildId === build)
    return found?.createTime ? Number(found.createTime.seconds ?? 0) + (found.createTime.nanos ?? 0) / 1e9 : null
  }
  const ownAt = firstSeenAt(buildId)
  if (ownAt === null) throw new BuildUnknownError(`Temporal does not know build ${buildId} yet`)
  const current = info?.routingConfig?.currentDeploymentVersion?.buildId
  if (current === buildId) return 'current'
  if ((firstSeenAt(current) ?? 0) > ownAt) return 'older'
  await workflowService.setWorkerDeploymentCurrentVersion({
    namespace,
    deploymentName: name,
    buildId,
    // Somebody else has changed it meanwhile: then it is looked at anew.
    ...(conflictToken && { conflictToken }),
    ignoreMissingTaskQueues: true,
  })
  return 'current'
}

/** Temporal hears of a build by its first poll. Try again. */
export class BuildUnknownError extends Error {
  override name = 'BuildUnknownError'
}
