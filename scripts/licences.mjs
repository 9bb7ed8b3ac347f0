/**
 * `npm run licences`: fails on a dependency whose licence is none that we may ship under MIT. Reads package-lock.json, in
 * which npm notes each package's own word on it.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { root } from './root.mjs'

/** Those that ask for no more than their own text be kept. By their SPDX names. */
const allowed = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-0-Clause',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'PSF-2.0',
  'Python-2.0',
  'Unlicense',
])

/** By package and licence, each with its reason: another licence of the same package is looked at anew. */
const exceptions = new Set([
  // A font, served as it is; the licence forbids only to sell it by itself.
  '@fontsource-variable/inter OFL-1.1',
  // Of tests alone, and not shipped.
  'axe-core MPL-2.0',
  // Word lists of the spell check, which are not shipped.
  '@cspell/dict-django WTFPL',
  '@cspell/dict-en-common-misspellings CC BY-SA 4.0',
  // Data on browsers, which the bundler of Temporal's worker brings along; named here, as the licence wants.
  'caniuse-lite CC-BY-4.0',
  // A part of Prisma Studio that lays out diagrams; unchanged, and its source is public.
  'elkjs EPL-2.0',
  // Its package.json names none; its LICENSE file is the Unlicense.
  'unionfs (none)',
])

/** Whether an SPDX expression of names, AND, OR and parentheses leaves a way that is allowed. */
export function isAllowed(expression) {
  const bare = expression.replace(/[()]/g, ' ').trim()
  return bare.split(/\s+OR\s+/i).some((way) => way.split(/\s+AND\s+/i).every((name) => allowed.has(name.trim())))
}

/** The packages of a lock file that may not be used, each with its licence. */
export function refusedIn({ packages }) {
  return Object.entries(packages)
    .filter(([path, { link }]) => path.includes('node_modules/') && !link)
    .map(([path, { license }]) => ({
      name: path.slice(path.lastIndexOf('node_modules/') + 13),
      licence: license ?? '(none)',
    }))
    .filter(({ name, licence }) => !isAllowed(licence) && !exceptions.has(`${name} ${licence}`))
    .map(({ name, licence }) => `${name}: ${licence}`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const lock = JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8'))
  const refused = refusedIn(lock)
  if (refused.length > 0) {
    console.error(`Licences that are not on our list (scripts/licences.mjs):\n  ${refused.join('\n  ')}`)
    process.exit(1)
  }
  console.log(`Licences: all of ${Object.keys(lock.packages).length - 1} packages may be used.`)
}
