import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { readConfig } from '../src/config.ts'
import { settingNames } from '../src/environment.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8')

/** Required by docker-compose.yml for other servers. */
const composeNames = ['DATABASE_PASSWORD', 'DATABASE_OWNER_PASSWORD', 'TEMPORAL_DATABASE_PASSWORD']
/** The role of each. */
const ourServices = { migrate: 'worker', api: 'api', worker: 'worker' }

describe('.env.example', () => {
  const lines = read('.env.example').split('\n')
  const assignments = lines.flatMap((line) => {
    const [, name, value] = line.match(/^# ([A-Z0-9_]+)=(.*)$/) ?? []
    return name !== undefined && value !== undefined ? [[name, value] as const] : []
  })
  const names = assignments.map(([name]) => name)

  it('lists every setting, and no other', () => {
    assert.deepEqual(names.toSorted(), [...settingNames, ...composeNames].toSorted())
  })

  it('has only comments, so that a copy of it changes nothing', () => {
    assert.deepEqual(
      lines.filter((line) => line.trim() !== '' && !line.startsWith('#')),
      [],
    )
  })

  it('has the defaults: without every # it gives the same configuration as no .env', () => {
    assert.deepEqual(readConfig(Object.fromEntries(assignments)), readConfig({}))
  })

  it('describes each setting on the line above it', () => {
    const missing = names.filter((name) => {
      const above = lines[lines.findIndex((line) => line.startsWith(`# ${name}=`)) - 1] ?? ''
      return !/^# [A-Za-z0-9].*[.:;]/.test(above) || /^# [A-Z0-9_]+=/.test(above)
    })
    assert.deepEqual(missing, [])
  })
})

const secrets = {
  DATABASE_PASSWORD: 'database-password',
  DATABASE_OWNER_PASSWORD: 'owner-password',
  TEMPORAL_DATABASE_PASSWORD: 'temporal-password',
  API_KEYS: 'one-key-of-24-characters',
}

/** One provider's secret is enough, which the configuration checks. */
const webhookSecrets = {
  AISEND_WEBHOOK_SECRET: 'secret-of-the-webhook',
  RESEND_WEBHOOK_SECRET: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  STANDARD_WEBHOOKS_SECRET: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  SENDGRID_WEBHOOK_PUBLIC_KEY:
    'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEDr2LjtURuePQzplybdC+u4CwrqDqBaWjcMMsTbhdbcwHBcepxo7yAQGhHPTnlvFYPAZFceEu/1FwCM/QmGUhA==',
  POSTMARK_WEBHOOK_SECRET: 'postmark:webhook-password',
  MAILGUN_WEBHOOK_SIGNING_KEY: 'signing-key-of-the-tests',
  KUMOMTA_WEBHOOK_SECRET: 'kumomta:webhook-password',
  MAIL_SERVER_WEBHOOK_SECRET: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  SES_TOPIC_ARNS: 'arn:aws:sns:eu-west-1:123456789012:email-events',
  MAIL_WEBHOOK_SECRET: 'mail:webhook-password',
  BREVO_WEBHOOK_SECRET: 'brevo:webhook-password',
  MAILJET_WEBHOOK_SECRET: 'mailjet:webhook-password',
  SPARKPOST_WEBHOOK_SECRET: 'sparkpost:webhook-password',
  MANDRILL_WEBHOOK_KEYS: 'ntynTMaFpM_octE5R1DKAw=https://aftersend.example/webhooks/mandrill',
  MAILERSEND_WEBHOOK_SECRET: 'signing-secret-of-mailersend',
  MAILTRAP_WEBHOOK_SECRET: '0123456789abcdef0123456789abcdef',
  POSTAL_WEBHOOK_PUBLIC_KEY:
    'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAzUsWxyb/eW2MqoWfIOFFhJ2pp5nfXrSjbVt/QSII3T+jsaRz9R8+nYJnX+XYIwYMuVjeAZ6gBuGYLlMXW85hgY3FBXUbLMulpWMPmxqeQd/wYMTplq3F6AbDBb7burKrsW6i0ywPTEq4sCJNCjI/6uDmRhqJTHIeJaQrrw40uamlbj4n+TNLPEp7QPY9LWk/aRJhGhnGBvNCwQv7/o4YQUPnIQHGt06T/if0uzwed97RWXe0EO2sqReGb2xBsPp6XqCrMzBxhx5jv2jk6Wndh6M/8Lc0cTRPSHv2O8roJrnP6i2a7P/s6xjt8cZOXYExHQpLepVlIH/2iOm7ihjGRwIDAQAB',
  AHASEND_WEBHOOK_SECRET: 'aha-whsec-of-the-tests',
  ZEPTOMAIL_WEBHOOK_SECRET: 'authentication-key-of-the-tests',
  LETTERMINT_WEBHOOK_SECRET: 'signing-secret-of-lettermint',
  AZURE_WEBHOOK_SECRET: 'token-of-event-grid',
  SCALEWAY_TOPIC_ARNS: 'arn:scw:sns:fr-par:project-6a0d9caa-1234-5678-9abc-def012345678:email-events',
}

/** Settings in .env besides the secrets. */
const settings = {
  ...webhookSecrets,
  LOG_LEVEL: 'debug',
  MAPPINGS_FILE: `${root}test/providers/fixtures/mappings.json`,
  WORKER_DEPLOYMENT: 'aftersend',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
  OTEL_EXPORTER_OTLP_HEADERS: 'x-key=value',
  OTEL_SERVICE_NAME: 'email-team',
  OTEL_TRACES_SAMPLER_ARG: '0.1',
  TEMPORAL_NAMESPACE: 'email-team',
  TEMPORAL_UI_URL: 'https://temporal.example',
  STALL_AFTER_CRITICAL: '1m',
  STALL_AFTER_NORMAL: '2m',
  STALL_AFTER_BULK: '3m',
  ESCALATION_REPEAT_AFTER: '4m',
  LINGER_AFTER_SETTLED: '5m',
  COALESCE_FOR_NORMAL: '2s',
  COALESCE_FOR_BULK: '3s',
  GIVE_UP_AFTER: '6d',
  MAX_EVENT_AGE: '3d',
  RETAIN_PAYLOADS: '10d',
  RETAIN_ADDRESSES: '20d',
  RETAIN_EVENTS: '500d',
  ALARM_BOUNCE_RATE: '3%',
  ALARM_COMPLAINT_RATE: '0.2%',
  ALARM_MIN_SAMPLE: '50',
  ALARM_BACKLOG_AFTER: '20m',
  ALARM_SIGNATURE_FAILURES: '5',
  ALARM_SILENCE_AFTER: '2h',
  ENDPOINT_ALLOWED_HOSTS: 'hooks.internal,10.1.0.0/16',
  AISEND_API_KEY: 'api-key',
  AISEND_API_URL: 'https://aisend.example',
  RESEND_API_KEY: 'other-api-key',
  RESEND_API_URL: 'https://resend.example',
  SENDGRID_API_KEY: 'key-of-sendgrid',
  SENDGRID_API_URL: 'https://sendgrid.example',
  POSTMARK_API_KEY: 'key-of-postmark',
  POSTMARK_API_URL: 'https://postmark.example',
  MAILGUN_API_KEY: 'key-of-mailgun',
  MAILGUN_API_URL: 'https://mailgun.example',
  MAILGUN_DOMAINS: 'mg.example.com',
  MANDRILL_API_KEY: 'key-of-mandrill',
  MANDRILL_API_URL: 'https://mandrill.example',
  MAILJET_API_KEY: 'key-of-mailjet:secret-of-mailjet',
  MAILJET_API_URL: 'https://mailjet.example',
  SES_ACCESS_KEY_ID: 'access-key-of-ses',
  SES_API_KEY: 'key-of-ses',
  SES_REGION: 'eu-west-1',
  SES_API_URL: 'https://ses.example',
  SPARKPOST_API_KEY: 'key-of-sparkpost',
  SPARKPOST_API_URL: 'https://sparkpost.example',
  BREVO_API_KEY: 'key-of-brevo',
  BREVO_API_URL: 'https://brevo.example',
  MAILERSEND_API_KEY: 'key-of-mailersend',
  MAILERSEND_API_URL: 'https://mailersend.example',
  LETTERMINT_API_KEY: 'key-of-lettermint',
  LETTERMINT_API_URL: 'https://lettermint.example',
  SCALEWAY_API_KEY: 'key-of-scaleway',
  SCALEWAY_API_URL: 'https://scaleway.example',
  MAIL_RETURN_PATH: 'bounce+{id}@bounces.example.com',
  MAIL_AUTHSERV_ID: 'mx.example.com',
  MAIL_SMTP_PORT: '2525',
  MAIL_SMTP_HOST: '0.0.0.0',
  MAIL_SMTP_PROTOCOL: 'lmtp',
  MAIL_RECIPIENTS: 'bounces.example.com',
  MAIL_SMTP_CLIENTS: '10.0.0.0/8',
  MAIL_SMTP_TLS_CERT: '/run/secrets/cert.pem',
  MAIL_SMTP_TLS_KEY: '/run/secrets/key.pem',
  MAIL_IMAP_URL: 'imaps://user@imap.example.com/INBOX',
  MAIL_IMAP_OAUTH_TOKEN_URL: 'https://login.example/token',
  MAIL_IMAP_OAUTH_CLIENT_ID: 'client',
  MAIL_IMAP_OAUTH_CLIENT_SECRET: 'secret-of-the-client',
  MAIL_IMAP_OAUTH_REFRESH_TOKEN: 'refresh-token',
  MAIL_IMAP_OAUTH_SCOPE: 'https://mail.google.com/',
  MAIL_IMAP_AFTER: 'move:Read',
  MAIL_IMAP_EVERY: '5m',
  SUPPORT_WEBHOOK_URL: 'https://support.example/hook',
  SUPPORT_WEBHOOK_SECRET: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  SUPPORT_EMAIL: 'support@example.com',
  SMTP_URL: 'smtp://user:password@host:587',
  CHANNELS: 'oncall',
  METRICS_KEYS: 'one-key-for-the-scraper',
  SIGN_IN_WITH_KEYS: 'off',
  PUBLIC_URL: 'https://aftersend.example',
  OIDC_ISSUER: 'https://id.example',
  OIDC_CLIENT_ID: 'aftersend',
  OIDC_CLIENT_SECRET: 'client-secret',
  OIDC_SCOPES: 'openid groups',
  OIDC_ROLES_CLAIM: 'roles',
  OIDC_ROLES: 'admin=admins;viewer=staff',
  TRUSTED_PROXY_HOPS: '2',
  ALLOW_INSECURE: 'SMTP_URL',
  EXPORT_TO: 's3://exported/aftersend',
  EXPORT_FORMATS: 'ndjson,parquet',
  EXPORT_HASH_KEY: 'hash-key-of-the-export-0000000001',
  EXPORT_ADDRESSES: 'plain',
  S3_ACCESS_KEY_ID: 'access-key-of-the-store',
  S3_SECRET_ACCESS_KEY: 'key-of-the-store',
  S3_REGION: 'eu-west-1',
  S3_ENDPOINT: 'https://store.example',
  PROJECTS: 'shop:aisend',
  PROJECTS_SHARING_SUPPRESSIONS: 'shop',
}

/** The keys at one indentation of the plain YAML that `config` prints, each with the lines below it. */
const sections = (text: string, indentation: number): Map<string, string> =>
  new Map(
    `\n${text}`
      .split(new RegExp(`\n {${indentation}}(?=[a-z])`))
      .slice(1)
      .map((section) => [section.slice(0, section.indexOf(':')), section]),
  )

const unquoted = (text: string): string => text.replace(/^(['"])(.*)\1$/, '$2')

describe('docker-compose.yml, by its text alone', () => {
  const text = read('docker-compose.yml')
  const services = sections(sections(text, 0).get('services') ?? '', 2)

  it('requires every secret wherever it is used', () => {
    for (const name of Object.keys(secrets)) {
      const uses = text.match(new RegExp(`\\$\\{${name}\\b..`, 'g')) ?? []
      assert.deepEqual([...new Set(uses)], [`\${${name}:?`], name)
    }
  })

  it('runs all of our services with the shared settings', () => {
    for (const name of Object.keys(ourServices)) {
      assert.match(services.get(name) ?? '', /^ {4}<<: \*aftersend$/m, name)
    }
    const shared = sections(text, 0).get('x-aftersend') ?? ''
    const limits = ["tmpfs: ['/tmp:size=", 'mem_limit: ']
    for (const line of [
      ...limits,
      'read_only: true',
      'cap_drop: [ALL]',
      'no-new-privileges:true',
      'stop_grace_period: ',
    ]) {
      assert(shared.includes(line), line)
    }
  })

  it('lets the proxy reach no database and no Temporal, the Web UI no database and no action', () => {
    const networksOf = (name: string) => /^ {4}networks: \[(.*)\]$/m.exec(services.get(name) ?? '')?.[1]?.split(', ')
    assert.deepEqual(networksOf('proxy'), ['front'])
    assert.deepEqual(networksOf('temporal-ui'), ['orchestration'])
    assert.deepEqual(networksOf('postgres'), ['data'])
    for (const name of services.keys()) assert.ok(networksOf(name), name)
    assert.match(services.get('temporal-ui') ?? '', /TEMPORAL_DISABLE_WRITE_ACTIONS: 'true'/)
  })

  it('limits what the proxy takes before the API has answered, and logs no address', () => {
    const proxy = read('docker/proxy.conf')
    assert.match(proxy, /proxy_request_buffering off;/)
    for (const [, size] of proxy.matchAll(/client_max_body_size (\d+)m;/g))
      assert.ok(Number(size) > 0 && Number(size) <= 51)
    assert.doesNotMatch(/^log_format .*$/m.exec(proxy)?.[0] ?? '', /\$(request\b|request_uri|uri|args|http_referer)/)
    const service = services.get('proxy') ?? ''
    for (const limit of [/tmpfs: \['\/tmp:size=16m'\]/, /mem_limit: 128m/]) assert.match(service, limit)
  })

  it('gives the password of the tables’ owner to migrate and PostgreSQL only', () => {
    const given = [...services].filter(([, service]) => service.includes('DATABASE_OWNER_PASSWORD'))
    assert.deepEqual(
      given.map(([name]) => name),
      ['postgres', 'migrate'],
    )
    assert.doesNotMatch(sections(text, 0).get('x-environment') ?? '', /OWNER/)
  })

  it('publishes ports on this machine only', () => {
    const published = text.match(/^ +ports:.*$/gm) ?? []
    assert.equal(published.length, 2)
    for (const line of published) assert.match(line, /ports: \['127\.0\.0\.1:[^,]+'\]$/)
  })
})

describe('docker-compose.yml', () => {
  const program = [['docker', 'compose'], ['docker-compose']].find(
    ([command, ...args]) => command && spawnSync(command, [...args, 'version']).status === 0,
  )

  before(function () {
    if (program) return
    console.log('skipped: neither `docker compose` nor `docker-compose` is installed')
    this.skip()
  })

  function config(env: Record<string, string>) {
    const [command = '', ...args] = program ?? []
    const { PATH } = process.env
    // From a folder without .env, so that the settings of this checkout do not count.
    return spawnSync(command, [...args, '--project-directory', tmpdir(), '-f', `${root}docker-compose.yml`, 'config'], {
      encoding: 'utf8',
      env: { PATH, ...env },
    })
  }

  function servicesOf(env: Record<string, string>): Map<string, string> {
    const { status, stdout, stderr } = config(env)
    assert.equal(status, 0, stderr)
    return sections(sections(stdout, 0).get('services') ?? '', 2)
  }

  const environmentOf = (service = ''): Record<string, string> =>
    Object.fromEntries(
      [...service.matchAll(/^ {6}([A-Z0-9_]+): ?(.*)$/gm)].map(([, name = '', value = '']) => [name, unquoted(value)]),
    )

  it('gives our services only known variables, and a valid configuration', () => {
    const services = servicesOf({ ...secrets, ...webhookSecrets })
    for (const [name, role] of Object.entries(ourServices)) {
      const environment = environmentOf(services.get(name))
      assert.deepEqual(
        Object.keys(environment).filter((variable) => !settingNames.includes(variable)),
        [],
        name,
      )
      const config = readConfig(environment)
      assert.equal(config.role, role)
      const login = name === 'migrate' ? 'aftersend_owner:owner-password' : 'aftersend:database-password'
      assert.equal(config.databaseUrl, `postgresql://${login}@postgres:5432/aftersend`)
      assert.equal(config.temporal.address, 'temporal:7233')
    }
  })

  it('passes on every setting from .env', () => {
    const services = servicesOf({ ...secrets, ...settings })
    const given = Object.assign({}, ...Object.keys(ourServices).map((name) => environmentOf(services.get(name))))
    assert.deepEqual({ ...given, ...settings }, given)
  })

  it('runs two APIs behind one address, and two workers', () => {
    const services = servicesOf(secrets)
    for (const name of ['api', 'worker']) assert.match(services.get(name) ?? '', /replicas: 2/, name)
    assert.match(read('docker/proxy.conf'), /set \$api api:3000;/)
    assert.match(services.get('proxy') ?? '', /proxy\.conf:\/etc\/nginx\/conf\.d\/default\.conf:ro/)
  })

  it('gives the secrets of the API to no other service', () => {
    const services = servicesOf({ ...secrets, ...webhookSecrets })
    for (const name of ['migrate', 'worker']) {
      const environment = environmentOf(services.get(name))
      const given = ['API_KEYS', ...Object.keys(webhookSecrets)].filter((variable) => environment[variable])
      assert.deepEqual(given, [], name)
    }
  })

  it('publishes ports on this machine only, and lets API and worker be scaled', () => {
    const services = servicesOf(secrets)
    const published = [...services].filter(([, service]) => /^ {4}ports:/m.test(service)).map(([name]) => name)
    assert.deepEqual(published.toSorted(), ['proxy', 'temporal-ui'])
    for (const name of published) assert.match(services.get(name) ?? '', /127\.0\.0\.1/)
    for (const name of ['api', 'worker']) assert.doesNotMatch(services.get(name) ?? '', /container_name/)
  })

  it('gives our services a read-only file system and no privileges', () => {
    const services = servicesOf(secrets)
    assert.match(read('Dockerfile'), /^USER 1000:1000$/m)
    for (const name of services.keys()) assert.match(services.get(name) ?? '', /- no-new-privileges:true/, name)
    for (const name of [...Object.keys(ourServices), 'proxy']) {
      const service = services.get(name) ?? ''
      for (const line of ['read_only: true', '- no-new-privileges:true', '- ALL', '- /tmp']) {
        assert(service.includes(line), `${name}: ${line}`)
      }
    }
  })

  for (const name of Object.keys(secrets)) {
    it(`is refused without ${name}`, () => {
      const { status, stderr } = config({ ...secrets, [name]: '' })
      assert.notEqual(status, 0)
      assert.match(stderr, /\.env/)
    })
  }
})
