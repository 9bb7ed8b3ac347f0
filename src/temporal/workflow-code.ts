/** The workflows' code for workers: one file, without which each worker would bundle the sources for itself. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleWorkflowCode, Runtime, type WorkerOptions } from '@temporalio/worker'
import type { WorkerTracing } from './worker-tracing.ts'

export type WorkflowCode = Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath' | 'interceptors' | 'sinks'>

/** The bundle that `npm run build` has built; in development, and in tests, one of the sources. Traced workflows have their own. */
export async function workflowCode(tracing: WorkerTracing | null = null): Promise<WorkflowCode> {
  const name = tracing ? 'traced-workflow-bundle.js' : 'workflow-bundle.js'
  const built = pathOf(`../${name}`)
  const workflowBundle = existsSync(built) ? { codePath: built } : await bundleSources(name, tracing)
  // The bundle contains its workflow interceptors.
  return { workflowBundle, ...(tracing && { interceptors: tracing.interceptors, sinks: tracing.sinks }) }
}

const pathOf = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))
const [sources, lockfile] = [pathOf('..'), pathOf('../../package-lock.json')]
const cache = pathOf('../../node_modules/.cache/aftersend')
const workflowsPath = pathOf('../workflows/index.ts')

/**
 * Bundles the sources, unless that was done with the same sources and dependencies: 2 seconds of CPU, else 15 milliseconds, and the tests
 * start a hundred workers.
 */
async function bundleSources(name: string, tracing: WorkerTracing | null): Promise<WorkflowCode['workflowBundle']> {
  const path = join(cache, name)
  const key = `// ${await fingerprint()}\n`
  if ((await startOf(path, key.length)) === key) return { codePath: path }
  const { code } = await bundleWorkflowCode({
    workflowsPath,
    // By default each run evaluates all modules. Ours have no mutable state at module level, so a worker evaluates them once, freezes
    // them and shares them between its runs: each takes a quarter less memory.
    preloadModules: [workflowsPath],
    workflowInterceptorModules: tracing?.workflowModules ?? [],
    logger: Runtime.instance().logger,
  })
  return (await isStored(path, key + code)) ? { codePath: path } : { code }
}

/** Of all that the code may be made from. */
async function fingerprint(): Promise<string> {
  const hash = createHash('sha256').update(await readFile(lockfile))
  const entries = await readdir(sources, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  const paths = files.map((file) => join(file.parentPath, file.name)).sort()
  const texts = await Promise.all(paths.map((path) => readFile(path)))
  for (const [index, path] of paths.entries()) hash.update(path).update(texts[index] ?? '')
  return hash.digest('hex')
}

async function startOf(path: string, length: number): Promise<string | null> {
  const file = await open(path).catch(() => null)
  if (!file) return null
  try {
    return (await file.read(Buffer.alloc(length), 0, length, 0)).buffer.toString()
  } finally {
    await file.close()
  }
}

/** @returns false where nothing can be stored, which is no reason not to start. */
async function isStored(path: string, text: string): Promise<boolean> {
  const unfinished = `${path}.${process.pid}`
  try {
    await mkdir(cache, { recursive: true })
    await writeFile(unfinished, text)
    // At once: other processes may read it.
    await rename(unfinished, path)
    return true
  } catch {
    return false
  }
}
