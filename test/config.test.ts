import assert from 'node:assert/strict'
import { readConfig } from '../src/config.ts'
import { ConfigurationError } from '../src/errors.ts'

const servers = { DATABASE_URL: 'postgresql://u:p@db:5432/aftersend', TEMPORAL_ADDRESS: 'temporal:7233' }
const secrets = { AISEND_WEBHOOK_SECRET: 'secret-of-the-tests', API_KEYS: 'key-of-the-tests-0001' }

/** The error lines for an environment. */
function errorsIn(env: Record<string, string>): string[] {
  try {
    readConfig(env)
  } catch (error) {
    assert.ok(error instanceof ConfigurationError)
    return error.message.split('\n').slice(1)
  }
  return []
}

describe('the configuration', () => {
  it('may keep events forever, and must keep them while they may be repeated', () => {
    assert.equal(readConfig({ RETAIN_EVENTS: 'forever' }).retention.keptForMs, null)
    assert.throws(
      () => readConfig({ RETAIN_EVENTS: '8d' }),
      /RETAIN_EVENTS must be at least 2 days longer than MAX_EVENT_AGE/,
    )
    assert.equal(readConfig({ RETAIN_EVENTS: '9d' }).retention.keptForMs, 9 * 86_400_000)
  })

  it('gives a project the variables with its name, and the addresses of services that it does not set', () => {
    const { projects } = readConfig({
      ...{ PROJECTS: 'shop-eu:resend/eu, blog:aisend', RESEND_WEBHOOK_SECRET_EU: `whsec_${'A'.repeat(32)}` },
      ...{ RESEND_API_KEY: 'of-default', RESEND_API_KEY_SHOP_EU: 'of-shop', RESEND_API_URL: 'https://resend.example' },
    })
    assert.deepEqual(Object.fromEntries(projects.accounts), { 'resend/eu': 'shop-eu', aisend: 'blog' })
    const keyOf = (project: string) => projects.settings.get(project)?.providerApis.resend
    assert.deepEqual(keyOf('shop-eu'), { apiKey: 'of-shop', apiUrl: 'https://resend.example' })
    assert.equal(keyOf('blog')?.apiKey, null)
  })

  it('refuses projects that are not named rightly, or name an account without a secret', () => {
    const mistakes: Record<string, RegExp> = {
      shop: /PROJECTS must be entries such as/,
      'Shop:resend': /PROJECTS must be entries such as/,
      'default:resend': /other than default/,
      'shop:resend/other': /PROJECTS names the account resend\/other, which has no webhook secret/,
    }
    for (const [PROJECTS, message] of Object.entries(mistakes)) assert.match(errorsIn({ PROJECTS }).join(), message)
    const unknown = errorsIn({ PROJECTS: 'shop:resend', PROJECTS_SHARING_SUPPRESSIONS: 'blog' })
    assert.match(unknown.join(), /PROJECTS_SHARING_SUPPRESSIONS names blog/)
    const incomplete = errorsIn({ PROJECTS: 'shop:resend', SUPPORT_WEBHOOK_URL_SHOP: 'http://hooks.example.com' })
    assert.match(incomplete.join(), /SUPPORT_WEBHOOK_SECRET_SHOP is missing/)
    assert.match(incomplete.join(), /SUPPORT_WEBHOOK_URL_SHOP must be an https/)
  })

  it('has the documented defaults and embeds its servers when nothing is set', () => {
    const config = readConfig({})
    assert.deepEqual([config.port, config.host, config.role, config.dataDir], [null, '127.0.0.1', 'all', '.aftersend'])
    assert.deepEqual([config.workerPort, config.metricsKeys, config.tracing, config.deployment], [null, [], null, null])
    assert.deepEqual([config.databaseUrl, config.temporal.address, config.temporal.namespace], [null, null, 'default'])
    assert.deepEqual([config.webhookSecrets.size, config.apiKeys], [0, []])
    assert.deepEqual(config.providerApis, {
      aisend: { apiKey: null, apiUrl: 'https://api.aisend.com' },
      resend: { apiKey: null, apiUrl: 'https://api.resend.com' },
      sendgrid: { apiKey: null, apiUrl: 'https://api.sendgrid.com' },
      mailersend: { apiKey: null, apiUrl: 'https://api.mailersend.com' },
      lettermint: { apiKey: null, apiUrl: 'https://api.lettermint.co' },
      scaleway: { apiKey: null, apiUrl: 'https://api.scaleway.com' },
      postmark: { apiKey: null, apiUrl: 'https://api.postmarkapp.com' },
      mailgun: { apiKey: null, apiUrl: 'https://api.mailgun.net', domains: [] },
      mandrill: { apiKey: null, apiUrl: 'https://mandrillapp.com' },
      mailjet: { apiKey: null, apiUrl: 'https://api.mailjet.com' },
      ses: { apiKey: null, keyId: null, region: null, apiUrl: 'https://email.us-east-1.amazonaws.com' },
      sparkpost: { apiKey: null, apiUrl: 'https://api.sparkpost.com' },
      brevo: { apiKey: null, apiUrl: 'https://api.brevo.com' },
    })
    assert.deepEqual(config.support, { webhook: null, email: null })
    assert.deepEqual([config.temporal.security, config.logLevel], [{}, 'info'])
    const minute = 60_000
    assert.deepEqual(config.policy, {
      stallAfterMs: { critical: 10 * minute, normal: 240 * minute, bulk: 1_440 * minute },
      escalationRepeatAfterMs: 30 * minute,
      lingerAfterSettledMs: minute,
      giveUpAfterMs: 14 * 1_440 * minute,
    })
    assert.deepEqual(config.coalesceMs, { critical: 0, normal: 1_000, bulk: 1_000 })
    const day = 1_440 * minute
    assert.equal(config.maxEventAgeMs, 7 * day)
    assert.deepEqual(config.retention, {
      payloadsAfterMs: 30 * day,
      addressesAfterMs: 180 * day,
      keptForMs: 400 * day,
    })
    assert.deepEqual(config.alarms, {
      bounceRate: 0.02,
      complaintRate: 0.001,
      minimumSample: 100,
      refusalRate: 0.1,
      minimumRefusals: 5,
      backlogAfterMs: 10 * minute,
      signatureFailures: 20,
      silenceAfterMs: 360 * minute,
    })
  })

  it('exports nothing by itself, and hashes of addresses to the named place', () => {
    const none = { to: null, formats: ['parquet'], hashKey: null, withAddresses: false, s3: null }
    assert.deepEqual(readConfig({}).dataExport, none)
    const bucket = { EXPORT_TO: 's3://exported/a', S3_ACCESS_KEY_ID: 'id', S3_SECRET_ACCESS_KEY: 'key' }
    const s3 = { keyId: 'id', secret: 'key', region: 'us-east-1', endpoint: null }
    assert.deepEqual(readConfig(bucket).dataExport, { ...none, to: 's3://exported/a', s3 })
    assert.deepEqual(readConfig({ EXPORT_FORMATS: 'parquet, ndjson' }).dataExport.formats, ['ndjson', 'parquet'])
    assert.match(
      errorsIn({ EXPORT_TO: 's3://exported' }).join(),
      /S3_ACCESS_KEY_ID is missing.*S3_SECRET_ACCESS_KEY is missing/,
    )
    assert.match(errorsIn({ EXPORT_TO: 'gs://exported' }).join(), /EXPORT_TO must be a folder, or s3:/)
    assert.match(errorsIn({ EXPORT_FORMATS: 'csv' }).join(), /EXPORT_FORMATS must be parquet, ndjson or both/)
    const servers = {
      DATABASE_URL: 'postgresql://a@b/c',
      TEMPORAL_ADDRESS: 'a:1',
      ROLE: 'worker',
      EXPORT_TO: '/exported',
    }
    assert.match(errorsIn(servers).join(), /EXPORT_HASH_KEY is missing/)
    assert.deepEqual(errorsIn({ ...servers, ERASURE_KEY: 'e'.repeat(32) }), [])
  })

  it('treats an empty variable as not set', () => {
    assert.deepEqual(readConfig({ PORT: '', DATABASE_URL: ' ', API_KEYS: '', STALL_AFTER_BULK: '' }), readConfig({}))
  })

  it('reads durations from milliseconds to days, and nothing else', () => {
    const read = (text: string) => readConfig({ LINGER_AFTER_SETTLED: text }).policy.lingerAfterSettledMs
    assert.deepEqual(['250ms', '3s', '1.5m', '4h', '14d'].map(read), [250, 3_000, 90_000, 14_400_000, 1_209_600_000])
    for (const text of ['10', '10 m', '-3s', '0s', '1w', 'soon', '1e3s']) {
      const [error, ...others] = errorsIn({ LINGER_AFTER_SETTLED: text })
      assert.match(error ?? '', /LINGER_AFTER_SETTLED must be a duration/, text)
      assert.deepEqual(others, [])
    }
  })

  it('reports every malformed variable at once, by name, and without its value', () => {
    const wrong = {
      PORT: '70000',
      WORKER_PORT: 'x',
      ROLE: 'boss',
      DATABASE_URL: 'mysql://root:hunter2@db/x',
      TEMPORAL_ADDRESS: 'http://temporal:7233',
      AISEND_API_URL: 'ftp://x',
      MAILJET_API_KEY: 'hunter2-without-its-secret-key',
      API_KEYS: 'hunter2',
      ERASURE_KEY: 'hunter2',
      METRICS_KEYS: 'hunter2',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318',
      OTEL_EXPORTER_OTLP_HEADERS: 'hunter2',
      OTEL_TRACES_SAMPLER_ARG: '1.5',
      STALL_AFTER_CRITICAL: 'soon',
      ALARM_BOUNCE_RATE: '2',
      ALARM_COMPLAINT_RATE: '200%',
      ALARM_MIN_SAMPLE: 'few',
      ALARM_REFUSAL_RATE: '0%',
      ALARM_MIN_REFUSALS: '0',
      MAILBOX_PROVIDER_LOOKUP: 'yes',
      DNS_SERVERS: '10.0.0.2,dns.example.com',
      SUPPORT_WEBHOOK_URL: 'nowhere',
      SUPPORT_WEBHOOK_SECRET: 'hunter2!',
      SUPPORT_EMAIL: 'support',
      SMTP_URL: 'http://x',
      LOG_LEVEL: 'loud',
    }
    const errors = errorsIn(wrong)
    for (const name of Object.keys(wrong))
      assert.ok(
        errors.some((line) => line.startsWith(`  - ${name} `)),
        name,
      )
    assert.ok(
      errors.some((line) => line.startsWith('  - AISEND_WEBHOOK_SECRET is missing: set the secret from AISend, or ')),
      'together with what is missing',
    )
    assert.equal(errors.length, Object.keys(wrong).length + 1)
    assert.doesNotMatch(errors.join(), /hunter2/)
  })

  it('refuses what would send secrets and addresses in the clear, and secrets that can be guessed, unless insisted on', () => {
    const insecure = {
      SUPPORT_WEBHOOK_URL: 'http://support.example.com/hook',
      SUPPORT_WEBHOOK_SECRET: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZI',
      AISEND_API_URL: 'http://api.aisend.com',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://203.0.113.7:4318',
      AISEND_WEBHOOK_SECRET: 'x',
      MAILGUN_WEBHOOK_SIGNING_KEY_EU: 'long-enough-for-a-key,short',
    }
    const errors = errorsIn(insecure)
    assert.equal(errors.length, Object.keys(insecure).length)
    for (const name of Object.keys(insecure)) {
      assert.ok(
        errors.some((line) => line.startsWith(`  - ${name} must `) && line.endsWith(' or be named in ALLOW_INSECURE')),
        name,
      )
    }
    assert.equal(
      readConfig({ ...insecure, ALLOW_INSECURE: Object.keys(insecure).join() }).support.webhook?.url,
      insecure.SUPPORT_WEBHOOK_URL,
    )
  })

  it('accepts plain connections within the machine and the private network', () => {
    for (const host of ['127.0.0.1', '[::1]', '10.1.2.3', 'localhost', 'support', 'collector.internal']) {
      const { support } = readConfig({
        SUPPORT_WEBHOOK_URL: `http://${host}:8025/`,
        SUPPORT_WEBHOOK_SECRET: 'A'.repeat(32),
      })
      assert.ok(support.webhook, host)
    }
  })

  it('requires TLS of a mail server in another network, unless insisted on', () => {
    const requiresTls = (SMTP_URL: string, ALLOW_INSECURE = '') =>
      readConfig({ SUPPORT_EMAIL: 'support@example.com', SMTP_URL, ALLOW_INSECURE }).support.email?.requiresTls
    assert.equal(requiresTls('smtp://user:password@mail.example.com:587'), true)
    assert.equal(requiresTls('smtp://mail.example.com', 'SMTP_URL'), false)
    assert.equal(requiresTls('smtp://relay:25'), false)
    assert.equal(requiresTls('smtps://mail.example.com'), false)
  })

  it('reports everything that is missing at once', () => {
    const errors = errorsIn({
      ...servers,
      SUPPORT_WEBHOOK_URL: 'https://support.example/hook',
      SUPPORT_EMAIL: 'support@example.com',
    })
    const names = errors.map((line) => line.replace(/^ {2}- (\w+).*/, '$1'))
    assert.deepEqual(names, ['AISEND_WEBHOOK_SECRET', 'API_KEYS', 'SUPPORT_WEBHOOK_SECRET', 'SMTP_URL'])
  })

  it('requires secrets unless a server is embedded, but not for a worker', () => {
    const { DATABASE_URL, TEMPORAL_ADDRESS } = servers
    assert.equal(errorsIn(servers).length, 2)
    assert.equal(errorsIn({ ...servers, ROLE: 'api' }).length, 2)
    const valid: Record<string, string>[] = [
      { ...servers, ...secrets },
      { ...servers, ROLE: 'worker' },
      { DATABASE_URL },
      { TEMPORAL_ADDRESS },
    ]
    for (const env of valid) assert.deepEqual(errorsIn(env), [])
  })

  it('requires external servers for the roles api and worker', () => {
    const { DATABASE_URL, TEMPORAL_ADDRESS } = servers
    for (const ROLE of ['api', 'worker']) {
      const incomplete: Record<string, string>[] = [{}, { DATABASE_URL }, { TEMPORAL_ADDRESS }]
      for (const env of incomplete) {
        const [error, ...others] = errorsIn({ ...env, ROLE })
        assert.match(error ?? '', new RegExp(`ROLE=${ROLE} requires DATABASE_URL and TEMPORAL_ADDRESS`))
        assert.deepEqual(others, [])
      }
      assert.equal(readConfig({ ...servers, ...secrets, ROLE }).role, ROLE)
    }
  })

  it('reads lists with spaces and empty entries', () => {
    const config = readConfig({
      AISEND_WEBHOOK_SECRET: ' secret-number-one , secret-number-two ,,',
      API_KEYS: 'key-of-the-tests-0001 ,',
    })
    assert.deepEqual(
      [config.webhookSecrets.get('aisend'), config.apiKeys],
      [['secret-number-one', 'secret-number-two'], ['key-of-the-tests-0001']],
    )
  })

  it('reads the secrets of providers and accounts by the path after /webhooks/', () => {
    const resendSecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
    const config = readConfig({
      AISEND_WEBHOOK_SECRET_EU: 'secret-of-europe',
      RESEND_WEBHOOK_SECRET: resendSecret,
      RESEND_WEBHOOK_SECRET_EU_WEST: `${resendSecret}, ${resendSecret}`,
    })
    assert.deepEqual(Object.fromEntries(config.webhookSecrets), {
      'aisend/eu': ['secret-of-europe'],
      resend: [resendSecret],
      'resend/eu-west': [resendSecret, resendSecret],
    })
  })

  it('requires the secret of only one provider', () => {
    const { API_KEYS } = secrets
    const RESEND_WEBHOOK_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
    assert.deepEqual(errorsIn({ ...servers, API_KEYS, RESEND_WEBHOOK_SECRET }), [])
  })

  it('rejects a secret not in the format of its provider, and an account that is not valid in a path', () => {
    const errors = errorsIn({ RESEND_WEBHOOK_SECRET: 'hunter2', AISEND_WEBHOOK_SECRET_eu: 'hunter2-and-more-of-it' })
    assert.equal(errors.length, 2)
    assert.match(errors.join(), /RESEND_WEBHOOK_SECRET must be the signing secret/)
    assert.match(errors.join(), /AISEND_WEBHOOK_SECRET_eu: the account name must be/)
    assert.doesNotMatch(errors.join(), /hunter2/)
  })

  it('turns tracing on only by OpenTelemetry’s variable', () => {
    assert.equal(readConfig({ OTEL_TRACES_SAMPLER_ARG: '0.5' }).tracing, null)
    const given = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318/',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20key, x-team=mail',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
    }
    assert.deepEqual(readConfig(given).tracing, {
      url: 'http://127.0.0.1:4318/v1/traces',
      headers: { authorization: 'Bearer key', 'x-team': 'mail' },
      serviceName: 'aftersend',
      sampleRatio: 0.25,
    })
  })

  it('reads Temporal’s own variables as Temporal’s tools do', () => {
    const { security } = readConfig({ TEMPORAL_API_KEY: 'cloud-key' }).temporal
    assert.deepEqual([security.apiKey, security.tls], ['cloud-key', true])
  })
})
