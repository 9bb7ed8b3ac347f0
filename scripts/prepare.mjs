/** What every command needs on a fresh clone: a Node that is new enough, the dependencies, the Prisma client. */
import { existsSync } from 'node:fs'
import { areDependenciesCurrent, installDependencies } from './dependencies.mjs'
import { generatePrismaClient, isPrismaClientCurrent } from './prisma-client.mjs'
import { root } from './root.mjs'
import { inTurn } from './turn.mjs'

/** On stderr: a command's own output may be piped somewhere. */
const say = (line) => console.error(line)

/** Installs and generates where needed, and ends the process with a plain word where it cannot. */
export async function prepare() {
  try {
    requireNode(20, 19)
    if (isPrepared()) return
    await inTurn(say, async () => {
      if (!areDependenciesCurrent()) await installDependencies(say)
      if (isPrismaClientCurrent()) return
      say('Generating the Prisma client …')
      generatePrismaClient()
    })
  } catch (error) {
    console.error(error.message)
    process.exit(1)
  }
}

const isPrepared = () => areDependenciesCurrent() && isPrismaClientCurrent()

/** What the environment already says wins over the file. */
export function loadEnvFile() {
  const file = `${root}.env`
  if (!existsSync(file)) return
  try {
    process.loadEnvFile(file)
  } catch (error) {
    console.error(`${file} cannot be read: ${error.message}`)
    process.exit(1)
  }
}

function requireNode(major, minor) {
  const [haveMajor, haveMinor] = process.versions.node.split('.').map(Number)
  if (haveMajor > major || (haveMajor === major && haveMinor >= minor)) return
  throw new Error(`Aftersend needs Node ${major}.${minor} or newer; this is ${process.version}.`)
}
