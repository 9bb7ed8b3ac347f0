import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readConfig } from '../../src/config.ts'
import { settingNames } from '../../src/environment.ts'
import { stopWithinMs } from '../../src/stopping.ts'
import { temporaryFolder } from '../stack.ts'
import type { Container } from './chart-files.ts'
import { useRenderedChart } from './rendered-chart.ts'

/** What the Secrets would hold. */
const secretValues: Record<string, string> = {
  DATABASE_URL: 'postgresql://aftersend:password@postgres:5432/aftersend',
  TEMPORAL_API_KEY: 'key-of-temporal',
}
const apiSecrets = { API_KEYS: 'one-key-of-24-characters', AISEND_WEBHOOK_SECRET: 'secret-of-the-webhook' }

/** By the values: how Temporal is spoken to. */
const securityOf: Record<string, string[]> = {
  'temporal-cloud-mtls.yaml': ['tls'],
  'temporal-cloud-api-key.yaml': ['tls', 'apiKey'],
}

describe('the pods of the chart', () => {
  const { files, pods } = useRenderedChart()
  const servers = () => pods().filter(({ component }) => ['api', 'worker'].includes(component))
  let folder: string
  before(async () => {
    folder = await temporaryFolder()
  })

  it('are given variables that exist, and a configuration that they accept', () => {
    const processes = pods().filter(({ component }) => component !== 'test')
    assert.equal(processes.length, 3 * files().length)
    for (const { name, component, spec } of processes) {
      const env = environmentOf(spec.containers[0], folder)
      const unknown = Object.keys(env).filter((key) => !settingNames.includes(key) && !/^TEMPORAL_(TLS|API)/.test(key))
      assert.deepEqual(unknown, [], `${name} ${component}`)
      const { role, databaseUrl, temporal } = readConfig({ ...env, ...(component === 'api' ? apiSecrets : {}) })
      assert.equal(role, component === 'api' ? 'api' : 'worker')
      assert.ok(databaseUrl && temporal.address)
      assert.deepEqual(Object.keys(temporal.security), securityOf[name] ?? [], `${name} ${component}`)
      const hasCertificate = JSON.stringify(temporal.security).includes('clientCertPair')
      assert.equal(hasCertificate, name === 'temporal-cloud-mtls.yaml')
    }
  })

  it('mount the certificates that their variables name', () => {
    const withCertificate = pods().filter(({ name, component }) => name.includes('mtls') && component !== 'test')
    assert.equal(withCertificate.length, 3)
    for (const { spec } of withCertificate) {
      const [{ env = [], volumeMounts }] = spec.containers
      const paths = env.flatMap(({ name, value = '' }) => (name.endsWith('_PATH') ? [value] : []))
      const mounts = volumeMounts as { name: string; mountPath: string }[]
      const mounted = mounts.find(({ mountPath }) => mountPath === '/run/secrets/temporal-client')
      // The keys of a Secret of the type kubernetes.io/tls.
      assert.deepEqual(
        paths,
        ['tls.crt', 'tls.key'].map((key) => `${mounted?.mountPath}/${key}`),
      )
      const volume = (spec['volumes'] as { name: string; secret?: object }[]).find(({ name }) => name === mounted?.name)
      assert.deepEqual(volume?.secret, { secretName: 'aftersend-temporal-client', defaultMode: 0o440 })
    }
  })

  it('listen where their probes ask', () => {
    assert.equal(servers().length, 2 * files().length)
    for (const { component, spec } of servers()) {
      const [container] = spec.containers
      const env = environmentOf(container, folder)
      const name = component === 'api' ? 'http' : 'metrics'
      assert.deepEqual(container.ports, [{ name, containerPort: Number(env['PORT'] ?? env['WORKER_PORT']) }])
      assert.equal(env['HOST'], '0.0.0.0')
      const asked = ['startupProbe', 'livenessProbe', 'readinessProbe'].map(
        (probe) => (container[probe] as { httpGet: object }).httpGet,
      )
      const alive = { path: '/healthz', port: name }
      assert.deepEqual(asked, [alive, alive, { path: '/readyz', port: name }])
    }
  })

  it('of the API alone have its Secrets, and that of migrate alone the owner’s URL', () => {
    const secretsOf = ({ env = [], envFrom = [] }: Container) => [
      ...envFrom.map(({ secretRef }) => secretRef.name),
      ...env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef?.name ?? []),
    ]
    const holders = (secret: string) =>
      pods()
        .filter(({ name, spec }) => name === 'self-hosted.yaml' && secretsOf(spec.containers[0]).includes(secret))
        .map(({ component }) => component)
    assert.deepEqual(holders('aftersend-api'), ['api'])
    assert.deepEqual(holders('aftersend-shared').toSorted(), ['api', 'worker'])
    assert.deepEqual(holders('aftersend-database').toSorted(), ['api', 'worker'])
    assert.deepEqual(holders('aftersend-database-owner'), ['migrate'])
  })

  it('run unprivileged, on a read-only file system with /tmp, and without a token', () => {
    assert.equal(pods().length, 4 * files().length)
    for (const { name, component, spec } of pods()) {
      const [{ securityContext, resources, volumeMounts }] = spec.containers
      const place = `${name} ${component}`
      const { runAsNonRoot, seccompProfile } = spec['securityContext'] as Record<string, unknown>
      assert.deepEqual([runAsNonRoot, seccompProfile], [true, { type: 'RuntimeDefault' }], place)
      assert.deepEqual(securityContext, {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      })
      assert.equal(spec['automountServiceAccountToken'], false, place)
      assert.ok((resources as { limits: { memory: string } }).limits.memory, place)
      if (component === 'test') continue
      // A Service named "worker" would set WORKER_PORT.
      assert.equal(spec['enableServiceLinks'], false, place)
      assert.ok(
        (volumeMounts as { mountPath: string }[]).some(({ mountPath }) => mountPath === '/tmp'),
        place,
      )
    }
  })

  it('have longer to stop than the processes take', () => {
    for (const { component, spec } of servers()) {
      const lifecycle = spec.containers[0]['lifecycle'] as { preStop: { sleep: { seconds: number } } } | undefined
      const preStopMs = (lifecycle?.preStop.sleep.seconds ?? 0) * 1_000
      assert.equal(preStopMs > 0, component === 'api')
      assert.ok((spec.terminationGracePeriodSeconds ?? 0) * 1_000 > stopWithinMs + preStopMs, component)
    }
  })
})

/** The variables of a container, with stand-ins for Secrets. Files of certificates are written to `folder`. */
function environmentOf({ env = [] }: Container, folder: string): Record<string, string> {
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
