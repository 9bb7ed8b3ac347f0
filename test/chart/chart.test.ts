import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { settingNames } from '../../src/environment.ts'
import { createMetrics } from '../../src/metrics.ts'
import { providers } from '../../src/providers/registry.ts'
import { metricNamesIn } from '../ops/ops-files.ts'
import { exampleNames, parseYaml, readChartFile } from './chart-files.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const defaults = parseYaml(readChartFile('values.yaml')) as Record<string, unknown>

/** `api.service.port` for each value that is no group of others. */
function leavesOf(values: object, path = ''): string[] {
  return Object.entries(values).flatMap(([name, value]) => {
    const isGroup =
      typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
    const isOurs = isGroup && name !== 'resources'
    return isOurs ? leavesOf(value, `${path}${name}.`) : [`${path}${name}`]
  })
}

const secretNames = [
  ...['DATABASE_URL', 'API_KEYS', 'METRICS_KEYS', 'ERASURE_KEY', 'EXPORT_HASH_KEY', 'OIDC_CLIENT_SECRET', 'SMTP_URL'],
  ...['SUPPORT_WEBHOOK_URL', 'SUPPORT_WEBHOOK_SECRET', 'S3_SECRET_ACCESS_KEY', 'OTEL_EXPORTER_OTLP_HEADERS'],
  ...settingNames.filter((name) => name.endsWith('_API_KEY')),
  ...providers.map(({ variable }) => variable).filter((name) => !/_PUBLIC_KEY$|_ARNS$/.test(name)),
]
/** Of an account, a project and a channel; those of Temporal. */
const namedSecrets = [
  ...['RESEND_WEBHOOK_SECRET_EU', 'RESEND_API_KEY_SHOP', 'SMTP_URL_SHOP', 'SUPPORT_WEBHOOK_URL_SHOP'],
  ...['CHANNEL_ONCALL_KEY', 'CHANNEL_ONCALL_TOKEN', 'CHANNEL_ONCALL_SIGNING_SECRET', 'CHANNEL_ONCALL_URL'],
  ...['TEMPORAL_API_KEY', 'TEMPORAL_TLS_CLIENT_KEY_DATA', 'TEMPORAL_GRPC_META_AUTHORIZATION'],
]
const plainNames = [
  ...['SIGN_IN_WITH_KEYS', 'PUBLIC_URL', 'SES_ACCESS_KEY_ID', 'S3_ACCESS_KEY_ID', 'SENDGRID_WEBHOOK_PUBLIC_KEY'],
  ...['SENDGRID_WEBHOOK_PUBLIC_KEY_EU', 'SES_TOPIC_ARNS', 'RESEND_API_URL', 'CHANNELS', 'CHANNEL_ONCALL_TYPE'],
  ...['STALL_AFTER_NORMAL', 'LOG_LEVEL', 'HOST', 'WORKER_DEPLOYMENT', 'OIDC_ISSUER', 'TRUSTED_PROXY_HOPS'],
]
/** The chart sets them itself. */
const reservedNames = ['ROLE', 'PORT', 'WORKER_PORT', 'TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE']

describe('the chart', () => {
  const accepts = new Ajv({ allowUnionTypes: true, strictTypes: false, strictRequired: false }).compile(
    JSON.parse(readChartFile('values.schema.json')),
  )

  it('has the version of package.json, for itself and for the image', () => {
    const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
    const chart = parseYaml(readChartFile('Chart.yaml')) as Record<string, unknown>
    assert.deepEqual([chart['version'], chart['appVersion']], [version, version])
  })

  it('describes every value in its README, and no other', () => {
    const [, table = ''] = readChartFile('README.md').split('\n## Values\n')
    const described = table.split('\n').flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([\w.]+)`/g)])
    assert.deepEqual(described.map(([, path = '']) => path).toSorted(), leavesOf(defaults).toSorted())
  })

  it('has a schema that its defaults and examples satisfy, and that has every value', () => {
    assert.ok(accepts(defaults), JSON.stringify(accepts.errors))
    assert.ok(exampleNames.length >= 3)
    for (const name of exampleNames)
      assert.ok(accepts(parseYaml(readChartFile(`examples/${name}`))), `${name}: ${JSON.stringify(accepts.errors)}`)
    for (const path of leavesOf(defaults)) {
      const misspelt = path.split('.').reduceRight<unknown>((inner, name, n, all) => {
        return { [n === all.length - 1 ? `${name}Misspelt` : name]: inner }
      }, 'x')
      assert.ok(!accepts(misspelt), `${path}Misspelt is accepted`)
    }
  })

  it('refuses secrets as values, in env and in extraEnv, and variables that it sets itself', () => {
    for (const name of [...secretNames, ...namedSecrets, ...reservedNames]) {
      assert.ok(!accepts({ env: { [name]: 'x' } }), `env.${name} is accepted: see plainName in values.schema.json`)
      assert.ok(!accepts({ worker: { env: { [name]: 'x' } } }), `worker.env.${name} is accepted`)
      assert.ok(!accepts({ extraEnv: [{ name, value: 'x' }] }), `extraEnv ${name} is accepted`)
      const valueFrom = { secretKeyRef: { name: 'ours', key: 'theirs' } }
      assert.ok(accepts({ api: { extraEnv: [{ name, valueFrom }] } }), `${name} by reference is refused`)
    }
  })

  it('refuses a URL with a password as a value, whatever the variable is named', () => {
    const url = 'smtp://ada:password@mail.example.com:587'
    assert.ok(!accepts({ env: { RELAY: url } }) && !accepts({ api: { extraEnv: [{ name: 'RELAY', value: url }] } }))
    assert.ok(accepts({ env: { RELAY: 'smtp://mail.example.com:587' } }))
  })

  it('takes what is no secret as a value, though its name may sound like one', () => {
    for (const name of plainNames) assert.ok(accepts({ env: { [name]: 'x' } }), `env.${name} is refused`)
  })

  it('scales by metrics that the processes have, and names them alike for prometheus-adapter', async () => {
    const figures = { pending: 0, oldestSeconds: 0, escalationsOpen: 0 }
    const exposed = new Set(metricNamesIn(await createMetrics(async () => figures).scrape()))
    const adapter = readChartFile('examples/prometheus-adapter.yaml')
    const named = metricNamesIn(adapter + readChartFile('templates/worker.yaml'))
    assert.ok(named.includes('aftersend_inbox_oldest_seconds') && named.includes('aftersend_signal_failures_total'))
    assert.deepEqual(
      named.filter((name) => !exposed.has(name)),
      [],
    )
  })

  it('has the alerts of ops/, which are the same file', () => {
    assert.equal(readChartFile('files/alerts.yml'), readFileSync(`${root}ops/prometheus/alerts.yml`, 'utf8'))
  })

  it('is released with the repository’s own image, which the workflow writes into one line of the values', () => {
    const release = readFileSync(`${root}.github/workflows/release.yml`, 'utf8')
    const [, pattern = ''] = /sed -i "s\|(\^[^|]+)\|/.exec(release) ?? []
    assert.notEqual(pattern, '')
    const lines = readChartFile('values.yaml').match(new RegExp(pattern, 'gm')) ?? []
    assert.deepEqual(lines, ["  repository: ''"])
  })
})
