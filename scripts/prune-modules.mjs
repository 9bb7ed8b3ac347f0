/**
 * Deletes from node_modules what a server never loads. For the image; 382 MB become 92. `npm run test:compose` runs
 * what is left.
 */
import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './root.mjs'

const arm = process.arch === 'arm64'

/** A path below node_modules, with slashes. A file that one of these matches is deleted, unless `kept` does too. */
const unused = [
  // Types, source maps, sources and documents. Node.js loads JavaScript, JSON and native modules only.
  /\.[cm]?ts$|\.(map|flow|markdown|md|rs|proto|toml|lock|ya?ml)$/,
  // Tests and examples, beside a package's code or in its build.
  /^((.*\/)?node_modules\/)?(@[^/]+\/)?[^/@]+\/(dist\/(cjs|esm)\/)?(tests?|__tests__|examples?|benchmarks?|docs)\//,
  // Builds for bundlers and browsers. Node.js gets another one, by `main` or `exports`.
  /@opentelemetry\/[^/]+\/build\/(esm|esnext)\//,
  /(^|\/)rxjs\/dist\/(bundles|esm|esm5)\//,
  /(^|\/)csv-(parse|stringify)\/dist\/(iife|umd)\//,
  /(^|\/)protobufjs\/dist\//,
  /swagger-ui-dist\/swagger-ui(-es-bundle.*|-standalone-preset.*)?\.js$/,
  // Prisma's query compilers for other databases and in other formats.
  /@prisma\/client\/runtime\/(query_compiler|wasm-compiler)/,
  // Native code for other platforms, and the Rust sources of Temporal's.
  /@temporalio\/core-bridge\/(releases|sdk-core|src|bridge-macros)\//,
  /\/prebuilds\/[^/]+\//,
]

const kept = [
  /(^|\/)(licence|license|notice)[^/]*$/i,
  /@prisma\/client\/runtime\/query_compiler_fast_bg\.postgresql\.(wasm-base64\.)?mjs$/,
  new RegExp(`core-bridge/releases/${arm ? 'aarch64' : 'x86_64'}-unknown-linux-gnu/`),
  new RegExp(`/prebuilds/linux-${arm ? 'arm64' : 'x64'}/`),
]

const modules = join(root, 'node_modules')
let [files, bytes] = [0, 0]
for (const name of readdirSync(modules, { recursive: true, encoding: 'utf8' })) {
  const matches = (rule) => rule.test(name)
  if (!unused.some(matches) || kept.some(matches)) continue
  const path = join(modules, name)
  const found = statSync(path, { throwIfNoEntry: false })
  if (!found?.isFile()) continue
  rmSync(path)
  files += 1
  bytes += found.size
}
console.log(`Pruned ${files} files of ${Math.round(bytes / 1e6)} MB.`)
