/** The chart's own files, and what Helm makes of them. */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
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

/** What the Secrets would hold. */
const secretValues: Record<string, string> = {
  DATABASE_URL: 'postgresql://aftersend:password@postgres:5432/aftersend',
  TEMPORAL_API_KEY: 'key-of-temporal',
}

export const apiSecrets = { API_KEYS: 'one-key-of-24-characters', AISEND_WEBHOOK_SECRET: 'secret-of-the-webhook' }

/** The variables of a container, with stand-ins for Secrets. Files of certificates are written to `folder`. */
export function environmentOf({ env = [] }: Container, folder: string): Record<string, string> {
  return Object.fromEntries(
    env.map(({ name, value, valueFrom }) => {
      const text = value ?? secretValues[valueFrom?.secretKeyRef?.key ?? '']
      assert.ok(text !== undefined, `${name} has no value`)
      return [name, text.startsWith('/run/') ? certificateAt(join(folder, text)) : text]
    }),
  )
}

function certificateAt(path: string): string {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, 'PEM')
  return path
}

/** The names of the Secrets that a container's variables come from. */
export const secretsOf = ({ env = [], envFrom = [] }: Container): string[] => [
  ...envFrom.map(({ secretRef }) => secretRef.name),
  ...env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef?.name ?? []),
]

/** Of a kind that the Prometheus Operator brings, and Kubernetes' schemas do not have. */
export const isOfOperator = ({ kind }: Manifest): boolean => ['ServiceMonitor', 'PrometheusRule'].includes(kind)
