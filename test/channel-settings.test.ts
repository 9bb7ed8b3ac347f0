import assert from 'node:assert/strict'
import { readConfig } from '../src/config.ts'
import { ConfigurationError } from '../src/errors.ts'

const signing = Buffer.alloc(32, 7).toString('base64')

/** The lines of the error that this environment is refused with. */
function errorsOf(env: Record<string, string>): string[] {
  try {
    readConfig(env)
  } catch (error) {
    assert.ok(error instanceof ConfigurationError)
    return error.message.split('\n  - ').slice(1)
  }
  return []
}

describe('the channels of the environment', () => {
  it('are none by default', () => {
    assert.deepEqual(readConfig({}).channels, [])
  })

  it('are read each from the variables with its name', () => {
    const { channels } = readConfig({
      CHANNELS: 'oncall, mail-ops',
      CHANNEL_ONCALL_TYPE: 'pagerduty',
      CHANNEL_ONCALL_KEY: 'a key',
      CHANNEL_ONCALL_REGION: 'eu',
      CHANNEL_ONCALL_PRIORITIES: 'critical',
      CHANNEL_ONCALL_REASONS: 'critical_bounce,silence',
      CHANNEL_MAIL_OPS_TYPE: 'slack',
      CHANNEL_MAIL_OPS_TOKEN: 'xoxb-1',
      CHANNEL_MAIL_OPS_TO: 'C0123ABCD',
      CHANNEL_MAIL_OPS_SIGNING_SECRET: 'a secret',
      CHANNEL_MAIL_OPS_REASONS: 'emails',
      CHANNEL_MAIL_OPS_PROJECTS: 'shop',
      CHANNEL_MAIL_OPS_QUIET_HOURS: '22:00-07:30 Europe/Berlin',
      CHANNEL_MAIL_OPS_DIGEST: '1h',
      CHANNEL_MAIL_OPS_ADDRESSES: 'yes',
      PROJECTS: 'shop:resend',
    })
    assert.deepEqual(channels, [
      {
        ...{ name: 'oncall', type: 'pagerduty', key: 'a key', apiUrl: 'https://events.eu.pagerduty.com' },
        addresses: false,
        routing: {
          reasons: new Set(['critical_bounce', 'silence']),
          priorities: new Set(['critical']),
          ...{ projects: null, quietHours: null, digestMs: null },
        },
      },
      {
        ...{ name: 'mail-ops', type: 'slack', url: null, addresses: true },
        app: { token: 'xoxb-1', to: 'C0123ABCD', signingSecret: 'a secret', apiUrl: 'https://slack.com/api' },
        routing: {
          reasons: new Set(['stalled', 'critical_bounce', 'critical_complaint', 'recipient_unclear']),
          ...{ priorities: null, projects: new Set(['shop']), digestMs: 3_600_000 },
          quietHours: { from: 22 * 60, to: 7 * 60 + 30, timeZone: 'Europe/Berlin' },
        },
      },
    ])
  })

  it('report all mistakes together, each by its variable and without its value', () => {
    const errors = errorsOf({
      CHANNELS: 'a,b,c,d,e,f',
      CHANNEL_A_TYPE: 'irc',
      CHANNEL_B_TYPE: 'slack',
      CHANNEL_B_URL: 'http://hooks.example.com/secret-path',
      CHANNEL_B_TOKEN: 'xoxb-1',
      CHANNEL_C_TYPE: 'pagerduty',
      CHANNEL_C_DIGEST: '1h',
      CHANNEL_D_TYPE: 'webhook',
      CHANNEL_D_URL: 'https://hooks.example.com',
      CHANNEL_D_SECRET: signing,
      CHANNEL_D_QUIET_HOURS: '22-7 Berlin',
      CHANNEL_D_REASONS: 'stalled,boredom',
      CHANNEL_D_PROJECTS: 'nowhere',
      CHANNEL_E_TYPE: 'email',
      CHANNEL_E_TO: 'nobody',
      CHANNEL_F_TYPE: 'teams',
      CHANNEL_F_DIGEST: '7d',
      CHANNEL_ONCAL_KEY: 'mistyped',
      SUPPORT_EMAIL: 'nobody',
    })
    const named = errors.map((error) => error.split(' ')[0]).sort()
    assert.deepEqual(named, [
      'CHANNEL_A_TYPE',
      'CHANNEL_B_TOKEN',
      'CHANNEL_B_URL',
      'CHANNEL_C_DIGEST',
      'CHANNEL_C_KEY',
      'CHANNEL_D_QUIET_HOURS',
      'CHANNEL_D_REASONS',
      'CHANNEL_E_TO',
      'CHANNEL_F_DIGEST',
      'CHANNEL_ONCAL_KEY',
      'SMTP_URL',
      'SMTP_URL',
      'SUPPORT_EMAIL',
    ])
    assert.doesNotMatch(errors.join('\n'), /secret-path|xoxb|mistyped|boredom/)
    const unknown = { CHANNELS: 'd', CHANNEL_D_TYPE: 'teams', CHANNEL_D_URL: 'https://x.example' }
    assert.deepEqual(errorsOf({ ...unknown, CHANNEL_D_PROJECTS: 'nowhere' }), [
      'CHANNEL_D_PROJECTS names nowhere, which PROJECTS does not',
    ])
  })

  it('are not named as the log, SUPPORT_WEBHOOK_URL’s or SUPPORT_EMAIL’s, and not twice', () => {
    for (const names of ['log', 'webhook', 'email', 'a,a', 'Big', 'a_b', '-a']) {
      assert.match(errorsOf({ CHANNELS: names })[0] ?? '', /^CHANNELS must /, names)
    }
  })

  it('may be at plain URLs of the private network, or where the operator insists', () => {
    const env = { CHANNELS: 'a', CHANNEL_A_TYPE: 'teams', CHANNEL_A_URL: 'http://teams.example.com' }
    assert.match(errorsOf(env).join(), /^CHANNEL_A_URL must be an https/)
    assert.deepEqual(errorsOf({ ...env, ALLOW_INSECURE: 'CHANNEL_A_URL' }), [])
    assert.deepEqual(errorsOf({ ...env, CHANNEL_A_URL: 'http://127.0.0.1:4000' }), [])
  })
})
