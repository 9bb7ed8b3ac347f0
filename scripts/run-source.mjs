import { pathToFileURL } from 'node:url'
import { loadEnvFile, prepare } from './prepare.mjs'
import { root } from './root.mjs'

/** Runs one of our TypeScript files in this very process, so that its signals and its exit code are the file's own. */
export async function runSource(entry, args) {
  await prepare()
  loadEnvFile()
  const { register } = await import('tsx/esm/api')
  register()
  process.argv = [process.argv[0], `${root}${entry}`, ...args]
  await import(pathToFileURL(`${root}${entry}`).href)
}
