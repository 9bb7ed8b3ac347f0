import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { readConfig } from '../../src/config.ts'
import { settingNames } from '../../src/environment.ts'
import { stopWithinMs } from '../../src/stopping.ts'
import { temporaryFolder } from '../stack.ts'
import {
  apiSecrets,
  chartFolder,
  componentOf,
  environmentOf,
  exampleNames,
  isOfOperator,
  parseYaml,
  secretsOf,
} from './chart-files.ts'
import { requiredValues, settingsOf, useRenderedChart, valuesOf } from './rendered-chart.ts'

/** By the values: how Temporal is spoken to. */
const securityOf: Record<string, string[]> = {
  'temporal-cloud-mtls.yaml': ['tls'],
  'temporal-cloud-api-key.yaml': ['tls', 'apiKey'],
}

describe('the chart by Helm', () => {
  const { tools, files, all, ofKind, pods } = useRenderedChart()

  it('passes helm lint --strict with its defaults and with each example', async () => {
    for (const values of [[], ...exampleNames.map(valuesOf)]) {
      const { succeeded, stdout, stderr } = await tools().helm('lint', '--strict', chartFolder, ...values)
      assert.ok(succeeded, stdout + stderr)
    }
  })

  for (const version of ['1.30.0', '1.37.0']) {
    it(`is valid for Kubernetes ${version}, without a field that it does not know`, async () => {
      const { succeeded, stdout, stderr } = await tools().validate(version, files())
      const passed = (stdout + stderr).match(/ passed for resource /g) ?? []
      assert.ok(succeeded, stdout + stderr)
      assert.equal(passed.length, all().filter(({ manifest }) => !isOfOperator(manifest)).length)
    })
  }

  it('selects the pods of one component with each object that selects pods', () => {
    const selectors = all().flatMap(({ name, manifest: { kind, spec, metadata } }) => {
      const labels = kind === 'Service' ? spec.selector : (spec.podSelector ?? spec.selector)?.matchLabels
      const isOfPods = ['Service', 'Deployment', 'NetworkPolicy', 'PodDisruptionBudget'].includes(kind)
      return isOfPods ? [{ name, kind, component: componentOf({ metadata }), labels }] : []
    })
    assert.equal(selectors.length, 9 * files().length, 'two of each kind, and the policy of migrate')
    for (const { name, kind, component, labels } of selectors) {
      const chosen = pods().filter((pod) => {
        return pod.name === name && Object.entries(labels).every(([label, value]) => pod.labels[label] === value)
      })
      assert.deepEqual(
        chosen.map((pod) => pod.component),
        [component],
        `${name} ${kind}`,
      )
    }
  })

  it('leads from the Ingress, the Services, the policies and the monitors to ports that exist', () => {
    const ports = { api: 'http', worker: 'metrics' } as Record<string, string>
    for (const { metadata, spec } of ofKind('Service'))
      assert.equal(spec.ports[0].targetPort, ports[componentOf({ metadata })])
    for (const policy of ofKind('NetworkPolicy'))
      assert.equal(policy.spec.ingress?.[0].ports[0].port, ports[componentOf(policy)])
    const monitors = ofKind('ServiceMonitor')
    assert.deepEqual(monitors.map(componentOf).toSorted(), ['api', 'worker'])
    for (const monitor of monitors) {
      const services = ofKind('Service').filter(({ metadata }) =>
        Object.entries(monitor.spec.selector.matchLabels).every(([label, value]) => metadata.labels[label] === value),
      )
      assert.ok(services.length > 0)
      for (const { spec } of services) assert.equal(spec.ports[0].name, monitor.spec.endpoints[0].port)
    }
    const backends = ofKind('Ingress').map(({ spec }) => spec.rules[0].http.paths[0].backend.service)
    assert.equal(backends.length, 1)
    for (const { name, port } of backends) {
      const target = ofKind('Service').find(({ metadata }) => metadata.name === name)
      assert.equal(target?.spec.ports[0].name, port.name)
    }
  })

  it('migrates before anything else, with its way to PostgreSQL open', () => {
    for (const kind of ['Job', 'NetworkPolicy']) {
      const hooks = ofKind(kind).filter((manifest) => componentOf(manifest) === 'migrate')
      assert.equal(hooks.length, files().length)
      for (const { metadata } of hooks) {
        assert.equal(metadata.annotations?.['helm.sh/hook'], 'pre-install,pre-upgrade')
        assert.equal(metadata.annotations?.['helm.sh/hook-weight'], kind === 'Job' ? '0' : '-1')
      }
    }
  })

  it('reaches no private address unless it is named', () => {
    const open = ofKind('NetworkPolicy').flatMap(({ spec }) =>
      spec.egress.filter(({ to, ports }: { to?: unknown; ports: { port: number }[] }) => {
        return to === undefined && ![53, 5432, 7233].includes(ports[0]?.port ?? 0)
      }),
    )
    assert.deepEqual(open, [])
    for (const policy of ofKind('NetworkPolicy')) {
      const blocks = policy.spec.egress.flatMap(({ to = [] }: { to?: { ipBlock?: unknown }[] }) =>
        to.flatMap(({ ipBlock }) => ipBlock ?? []),
      )
      const except = blocks.flatMap((block: { except?: string[] }) => block.except ?? [])
      assert.equal(except.includes('169.254.0.0/16'), componentOf(policy) !== 'migrate')
    }
  })

  it('scales workers by the age of the inbox, and leaves the number of pods to the autoscaler', () => {
    const [scaler] = ofKind('HorizontalPodAutoscaler').filter((manifest) => componentOf(manifest) === 'worker')
    const external = scaler?.spec.metrics.find(({ type }: { type: string }) => type === 'External')?.external
    assert.equal(external.metric.name, 'aftersend_inbox_oldest_seconds')
    assert.deepEqual(external.target, { type: 'Value', value: '30' })
    const deployments = all().filter(({ manifest }) => manifest.kind === 'Deployment')
    for (const { name, manifest } of deployments)
      assert.equal(manifest.spec.replicas, name === 'self-hosted.yaml' ? undefined : 2)
  })

  it('gives Prometheus the alerts of ops/, for the job that they name', () => {
    const file = fileURLToPath(new URL('../../ops/prometheus/alerts.yml', import.meta.url))
    assert.deepEqual(ofKind('PrometheusRule')[0]?.spec, parseYaml(readFileSync(file, 'utf8')))
    const jobLabel = ofKind('ServiceMonitor')[0]?.spec.jobLabel
    const [, job = ''] = /up\{job=~"([^"]+)"\}/.exec(readFileSync(file, 'utf8')) ?? []
    for (const { metadata } of ofKind('Service')) assert.match(metadata.labels[jobLabel] ?? '', new RegExp(`^${job}$`))
  })

  it('says what is missing, and refuses what it does not know', async () => {
    const template = (values: Record<string, string>) =>
      tools().helm('template', 'mail', chartFolder, ...settingsOf(values))
    await Promise.all(
      Object.keys(requiredValues).map(async (missing) => {
        const others = Object.fromEntries(Object.entries(requiredValues).filter(([name]) => name !== missing))
        const { succeeded, stderr } = await template(others)
        assert.ok(!succeeded && stderr.includes(`${missing} is missing`), `${missing}: ${stderr}`)
      }),
    )
    const { succeeded, stderr } = await template({ ...requiredValues, 'env.API_KEYS': 'x', 'api.replica': '3' })
    assert.ok(!succeeded && /API_KEYS/.test(stderr) && /'replica' not allowed/.test(stderr), stderr)
  })

  describe('runs pods that', () => {
    const servers = () => pods().filter(({ component }) => ['api', 'worker'].includes(component))
    let folder: string
    before(async () => {
      folder = await temporaryFolder()
    })

    it('have variables that exist, and a configuration that they accept', () => {
      const processes = pods().filter(({ component }) => component !== 'test')
      assert.equal(processes.length, 3 * files().length)
      for (const { name, component, spec } of processes) {
        const env = environmentOf(spec.containers[0], folder)
        const unknown = Object.keys(env).filter(
          (key) => !settingNames.includes(key) && !/^TEMPORAL_(TLS|API)/.test(key),
        )
        assert.deepEqual(unknown, [], `${name} ${component}`)
        const { role, databaseUrl, temporal } = readConfig({ ...env, ...(component === 'api' ? apiSecrets : {}) })
        assert.equal(role, component === 'api' ? 'api' : 'worker')
        assert.ok(databaseUrl && temporal.address)
        assert.deepEqual(Object.keys(temporal.security), securityOf[name] ?? [], `${name} ${component}`)
        assert.equal(JSON.stringify(temporal.security).includes('clientCertPair'), name.includes('mtls'))
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
        const volume = (spec['volumes'] as { name: string; secret?: object }[]).find(
          ({ name }) => name === mounted?.name,
        )
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

    it('share no Secret of the API, nor the URL of the tables’ owner', () => {
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
})
