/** Runs inside the image: loads every package that the built code imports, so that none lacks what scripts/prune-modules.mjs has deleted. */
import { readdirSync, readFileSync } from 'node:fs'

const isOurs = (file) => file.endsWith('.js') && !/bundle\.js$|\/browser\//.test(file)
const imports = /(?:\bfrom |\bimport |\bimport\()'([^.'#][^']*)'/g
const files = readdirSync('dist', { recursive: true }).filter(isOurs)
const names = files.flatMap((file) =>
  [...readFileSync(`dist/${file}`, 'utf8').matchAll(imports)].map(([, name]) => name),
)

const failures = []
for (const name of new Set(names)) await import(name).catch(({ message }) => failures.push(`${name}: ${message}`))
if (names.length === 0) failures.push('dist imports nothing')
console.log(failures.join('\n'))
process.exit(failures.length === 0 ? 0 : 1)
