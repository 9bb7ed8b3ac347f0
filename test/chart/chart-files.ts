/** The chart's own files, and what Helm makes of them. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse, parseAllDocuments } from 'yaml'

export const chartFolder = fileURLToPath(new URL('../../charts/aftersend/', import.meta.url))

export const readChartFile = (path: string): string => readFileSync(join(chartFolder, path), 'utf8')

/** As Helm reads it. */
export const parseYaml = (text: string): unknown => parse(text, { version: '1.1' })

/** Values of this chart; the other example is of prometheus-adapter. */
export const exampleNames = readdirSync(join(chartFolder, 'examples')).filter(
  (name) => name !== 'prometheus-adapter.yaml',
)

interface Labels {
  readonly [name: string]: string
}

interface EnvEntry {
  readonly name: string
  readonly value?: string
  readonly valueFrom?: { readonly secretKeyRef?: { readonly name: string; readonly key: string } }
}

export interface Container {
  readonly name: string
  readonly command?: readonly string[]
  readonly env?: readonly EnvEntry[]
  readonly envFrom?: readonly { readonly secretRef: { readonly name: string } }[]
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[]
  readonly [field: string]: unknown
}

interface PodSpec {
  readonly containers: readonly [Container]
  readonly terminationGracePeriodSeconds?: number
  readonly [field: string]: unknown
}

export interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels: Labels; readonly annotations?: Labels }
  // Each kind has its own, which kubernetes-validate checks.
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect, and fail where it is not there.
  readonly spec: any
}

export const manifestsIn = (text: string): Manifest[] =>
  parseAllDocuments(text, { version: '1.1' })
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null)

const componentLabel = 'app.kubernetes.io/component'

export const componentOf = ({ metadata }: Pick<Manifest, 'metadata'>): string => metadata.labels[componentLabel] ?? ''

export interface Pod {
  readonly component: string
  readonly labels: Labels
  readonly spec: PodSpec
}

/** What every Deployment, Job and Pod runs. */
export const podsIn = (manifests: readonly Manifest[]): Pod[] =>
  manifests.flatMap((manifest) => {
    if (manifest.kind === 'Pod')
      return [{ component: componentOf(manifest), labels: manifest.metadata.labels, spec: manifest.spec }]
    const template = ['Deployment', 'Job'].includes(manifest.kind) ? manifest.spec.template : null
    return template ? [{ component: componentOf(template), labels: template.metadata.labels, spec: template.spec }] : []
  })
