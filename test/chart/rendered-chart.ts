/** The manifests of the chart, with the least that must be set and with the values of each example. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../stack.ts'
import { chartFolder, exampleNames, type Manifest, manifestsIn, type Pod, podsIn } from './chart-files.ts'
import { type ChartTools, hasTools, installTools } from './tools.ts'

/** The least that must be set. */
export const requiredValues = {
  'image.repository': 'registry.example.com/aftersend',
  'database.secretName': 'database',
  'temporal.address': 'temporal:7233',
  'api.secretNames': '{api}',
}

export const settingsOf = (values: Record<string, string>): string[] =>
  Object.entries(values).flatMap(([name, value]) => ['--set', `${name}=${value}`])

/** The arguments of Helm for an example. */
export const valuesOf = (example: string): string[] => ['--values', join(chartFolder, 'examples', example)]

interface RenderedChart {
  tools(): ChartTools
  /** The manifests as Helm printed them. */
  files(): string[]
  /** Each with the name of its values: `defaults`, or an example's. */
  all(): { readonly name: string; readonly manifest: Manifest }[]
  ofKind(kind: string): Manifest[]
  pods(): (Pod & { readonly name: string })[]
}

/** Renders the chart before the tests of a `describe`, and skips them where its tools do not run. */
export function useRenderedChart(): RenderedChart {
  let tools: ChartTools
  const rendered = new Map<string, { readonly file: string; readonly manifests: readonly Manifest[] }>()
  const all = () => [...rendered].flatMap(([name, { manifests }]) => manifests.map((manifest) => ({ name, manifest })))

  before(async function () {
    if (!hasTools) {
      console.log('skipped: its tools are those of Linux on x86-64')
      this.skip()
    }
    // pip installs 60 MB, once.
    this.timeout(180_000)
    tools = await installTools()
    const folder = await temporaryFolder()
    const sets = [
      ['defaults', settingsOf(requiredValues)] as const,
      ...exampleNames.map((name) => [name, valuesOf(name)] as const),
    ]
    const outputs = await Promise.all(sets.map(([, args]) => tools.helm('template', 'mail', chartFolder, ...args)))
    for (const [n, { succeeded, stdout, stderr }] of outputs.entries()) {
      const name = sets[n]?.[0] ?? ''
      assert.ok(succeeded, `${name}: ${stderr}`)
      const file = join(folder, `${name}.rendered.yaml`)
      writeFileSync(file, stdout)
      rendered.set(name, { file, manifests: manifestsIn(stdout) })
    }
  })

  return {
    tools: () => tools,
    files: () => [...rendered.values()].map(({ file }) => file),
    all,
    ofKind: (kind) => all().flatMap(({ manifest }) => (manifest.kind === kind ? [manifest] : [])),
    pods: () => [...rendered].flatMap(([name, { manifests }]) => podsIn(manifests).map((pod) => ({ name, ...pod }))),
  }
}
