import assert from 'node:assert/strict'
import { Command, CommanderError } from 'commander'
import { type CommandContext, UsageError } from '../../src/cli/command-context.ts'
import { simulateCommand } from '../../src/cli/commands/simulate.ts'
import { simulateOptions } from '../../src/cli/commands/simulate-options.ts'
import { parseOptions } from '../simulator/simulate-options.ts'

describe('the options of simulate', () => {
  it('have defaults', () => {
    const { run, ...rest } = parseOptions([], 1_795_000_000_000)
    assert.match(run, /^[a-z0-9]{6,12}$/)
    assert.deepEqual(rest, {
      emails: 500,
      rate: 100,
      seed: 1,
      speed: 600,
      verify: false,
      timeoutMs: 300_000,
      concurrency: 32,
      url: undefined,
      secret: undefined,
      apiKey: undefined,
      showsProgress: true,
      json: false,
      provider: 'aisend',
      standIn: null,
    })
  })

  it('play a stand-in with its faults', () => {
    const args = ['--stand-in', 'sendgrid', '--lose', '5%', '--duplicate', '2.5%', '--reorder', '--outage', '1h']
    const { provider, standIn } = parseOptions(args, 0)
    const faults = { lose: 0.05, duplicate: 0.025, reorder: true, outageMs: 3_600_000 }
    assert.deepEqual([provider, standIn], ['sendgrid', { port: 4010, faults }])
  })

  it('are parsed', () => {
    const args = ['--emails', '5', '--rate=2.5', '--verify', '--timeout', '30s', '--no-progress', '--run', 'a-1']
    const { emails, rate, verify, timeoutMs, showsProgress, run } = parseOptions(args, 0)
    assert.deepEqual([emails, rate, verify, timeoutMs, showsProgress, run], [5, 2.5, true, 30_000, false, 'a-1'])
  })

  for (const [args, why] of [
    [['--emails', 'many'], /--emails must be a number/],
    [['--emails', '0'], /--emails must be at least 1/],
    [['--rate', '-1'], /--rate/],
    [['--seed', '1.5'], /--seed must be a whole number/],
    [['--timeout', 'soon'], /--timeout must be a duration/],
    [['--url', 'localhost'], /--url must be an http/],
    [['--run', 'A B'], /--run must be/],
    [['--emial', '5'], /emial/],
    [['extra'], /too many arguments/],
    [['--provider', 'nobody'], /nobody[\s\S]*aisend, .*sendgrid/],
    [['--stand-in', 'nobody'], /nobody[\s\S]*aisend, .*sendgrid/],
    [['--stand-in', 'ses', '--provider', 'ses'], /cannot be used/],
    [['--stand-in', 'ses', '--lose', '5'], /--lose must be a share/],
    [['--outage', '1h'], /--outage needs --stand-in/],
  ] as const) {
    it(`may not be ${args.join(' ')}`, () => {
      assert.throws(
        () => parseOptions(args, 0),
        (error: Error) => (error instanceof UsageError || error instanceof CommanderError) && why.test(error.message),
      )
    })
  }

  for (const fault of [
    ['--lose', '5%'],
    ['--outage', '1h'],
  ]) {
    it(`may not be ${fault.join(' ')} for a provider without an API, since nobody can be asked what was lost`, async () => {
      const command = simulateCommand({ env: {} } as CommandContext)
      const running = command.parseAsync(['--stand-in', 'azure', ...fault], { from: 'user' })
      await assert.rejects(
        running,
        (error: Error) => error instanceof UsageError && /Azure Communication Services has no API/.test(error.message),
      )
    })
  }

  it('are reported together if several are invalid', () => {
    assert.throws(() => parseOptions(['--emails', 'x', '--speed', '0'], 0), /--emails[\s\S]*--speed/)
  })

  it('are all in the help', () => {
    const usage = simulateOptions(new Command('simulate')).helpInformation()
    for (const option of [
      'emails',
      'rate',
      'seed',
      'speed',
      'verify',
      'timeout',
      'concurrency',
      'run',
      'url',
      'secret',
      'key',
      'provider',
      'json',
      'stand-in',
      'stand-in-port',
      'lose',
      'duplicate',
      'reorder',
      'outage',
    ]) {
      assert.match(usage, new RegExp(`--${option}\\b`))
    }
  })
})
