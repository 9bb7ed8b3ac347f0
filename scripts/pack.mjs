/** `npm run pack [folder]`: builds, and packs both packages as they are published: `aftersend` and `@aftersend/client`. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { root } from './root.mjs'

const folder = resolve(process.argv[2] ?? `${root}dist-packages`)
const packages = [root, `${root}packages/client/`]

const versions = new Set(packages.map((path) => JSON.parse(readFileSync(`${path}package.json`, 'utf8')).version))
if (versions.size > 1)
  fail(`package.json and packages/client/package.json must have one version, not ${[...versions].join(' and ')}`)

run(process.execPath, [`${root}scripts/build.mjs`], root)
rmSync(`${root}packages/client/dist`, { recursive: true, force: true })
run(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-p', 'packages/client'], root)
mkdirSync(folder, { recursive: true })
for (const path of packages) {
  run('npm', ['pack', '--ignore-scripts', '--loglevel=error', `--pack-destination=${folder}`], path)
}

function run(command, args, cwd) {
  const { status } = spawnSync(command, args, { cwd, stdio: 'inherit', shell: process.platform === 'win32' })
  if (status !== 0) fail(`${command} ${args[0]} failed in ${cwd}`)
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
