#!/usr/bin/env node
/** `npx aftersend …`: from a checkout the TypeScript itself, prepared where needed; from a build what was made of it. */
import { existsSync } from 'node:fs'

const isCheckout = existsSync(new URL('../src/cli/main.ts', import.meta.url))
if (isCheckout) {
  const { runSource } = await import('../scripts/run-source.mjs')
  await runSource('src/cli/main.ts', process.argv.slice(2))
} else {
  if (existsSync('.env')) process.loadEnvFile('.env')
  await import('../dist/cli/main.js')
}
