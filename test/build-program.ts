import { execFile } from 'node:child_process'
import { copyFile, cp, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * Compiles the sources as `npm run build` does, without checking types, into `<folder>/dist`, with links to what the program reads beside
 * it. Takes 3 seconds of CPU; a process of it then starts with half of the CPU that the sources need through tsx.
 * @param folder an empty one.
 */
export async function buildProgram(folder: string): Promise<void> {
  const dist = join(folder, 'dist')
  const options = ['-p', 'tsconfig.build.json', '--noCheck', '--sourceMap', 'false', '--outDir', dist]
  await promisify(execFile)(process.execPath, ['node_modules/typescript/bin/tsc', ...options], { cwd: root })
  await cp(join(root, 'src/dashboard/browser'), join(dist, 'dashboard/browser'), { recursive: true })
  await storeWorkflowBundle(join(dist, 'workflow-bundle.js'))
  const besides = ['node_modules', 'package.json', 'prisma', 'prisma.config.ts']
  await Promise.all(besides.map((name) => symlink(join(root, name), join(folder, name))))
}

/** The one that every worker of the tests runs. Not traced. */
async function storeWorkflowBundle(path: string): Promise<void> {
  // Imported here alone: mocha's main process needs Temporal for nothing else.
  const [{ quietTemporalRuntime }, { workflowCode }] = await Promise.all([
    import('./quiet.ts'),
    import('../src/temporal/workflow-code.ts'),
  ])
  quietTemporalRuntime()
  const { workflowBundle } = await workflowCode()
  if (workflowBundle && 'codePath' in workflowBundle) await copyFile(workflowBundle.codePath, path)
  else if (workflowBundle) await writeFile(path, workflowBundle.code)
}
