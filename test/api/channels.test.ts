import assert from 'node:assert/strict'
import { slackSignature } from '../../src/api/slack-signature.ts'
import { writeEscalation } from '../../src/db/escalations.ts'
import { commandEscalation, openEscalation } from '../../src/domain/escalation.ts'
import { TemporalUnavailableError } from '../../src/errors.ts'
import { CommandRefusedError } from '../../src/temporal/email-workflows.ts'
import { useDatabase } from '../stack.ts'
import { type SlackStandIn, startSlackStandIn } from '../stand-ins/slack.ts'
import { until } from '../until.ts'
import { useApi } from './served.ts'

const policy = {
  stallAfterMs: { critical: 1, normal: 1, bulk: 1 },
  ...{ escalationRepeatAfterMs: 60_000, lingerAfterSettledMs: 1, giveUpAfterMs: 1 },
}
const opened = openEscalation('stalled', 'Nothing was reported.', Date.UTC(2026, 5, 15), policy)
const path = '/integrations/slack/interactions'

describe('clicks in Slack', () => {
  const { db } = useDatabase('emails, escalations')
  let slack: SlackStandIn
  let id: string
  // Nothing is deleted from the log.
  let audited: number
  before(async () => {
    slack = await startSlackStandIn()
    // A message with our buttons.
    const button = (action: string) => ({
      ...{ type: 'button', action_id: `aftersend.${action}`, value: 'esc' },
      text: { type: 'plain_text', text: action },
    })
    const elements = ['acknowledge', 'snooze', 'resolve', 'open'].map(button)
    const body = JSON.stringify({ text: 'x', blocks: [{ type: 'actions', elements }] })
    assert.equal((await fetch(`${slack.apiUrl}/services/T/B/x`, { method: 'POST', body })).status, 200)
  })
  after(() => slack.close())
  const served = useApi(() => ({
    db,
    slackApps: [
      { signingSecret: 'another secret', projects: null, apiUrl: slack.apiUrl },
      { signingSecret: slack.signingSecret, projects: new Set(['default']), apiUrl: slack.apiUrl },
    ],
  }))
  beforeEach(async () => {
    await writeEscalation(db, { provider: 'aisend', emailId: 'em_1' }, opened)
    id = (await db.escalation.findFirstOrThrow()).id
    audited = await db.auditEntry.count()
    served.emailWorkflows.answer = async (command) => commandEscalation(opened, command, Date.now())
  })

  const click = (action: string, options: Parameters<SlackStandIn['click']>[1] = {}) =>
    fetch(served.url + path, slack.click(`aftersend.${action}`, { value: id, ...options }))

  it('are commands of the person, as those of the API, and audited by name', async () => {
    for (const action of ['acknowledge', 'snooze', 'resolve']) {
      const response = await click(action)
      assert.deepEqual([response.status, await response.text()], [200, ''])
    }
    const commands = served.emailWorkflows.commands.map(({ command }) => command)
    assert.deepEqual(
      commands.map(({ do: what, by }) => [what, by]),
      [
        ['acknowledge', 'ada (Slack)'],
        ['snooze', 'ada (Slack)'],
        ['resolve', 'ada (Slack)'],
      ],
    )
    const until = commands[1]?.do === 'snooze' ? commands[1].until : 0
    assert.ok(Math.abs(until - Date.now() - 3_600_000) < 60_000)
    const entries = await db.auditEntry.findMany({ orderBy: { id: 'asc' }, skip: audited })
    assert.deepEqual(
      entries.map(({ actor, action, subject, status }) => ({ actor, action, subject, status })),
      Array(3).fill({ actor: 'ada (Slack)', action: 'escalation.command', subject: id, status: 200 }),
    )
  })

  it('are one command when the same person clicks twice on the same state', async () => {
    await click('acknowledge')
    await click('acknowledge')
    await click('acknowledge', { user: 'grace' })
    const [first, second, other] = served.emailWorkflows.updateIds
    assert.ok(first === second && first !== other)
  })

  it('take no name with an @, which may be an address, into a history', async () => {
    await click('acknowledge', { user: 'ada@example.com' })
    assert.equal(served.emailWorkflows.commands[0]?.command.by, 'U0123ABCD (Slack)')
  })

  it('need the signature of an app, over the exact bytes and of the last five minutes', async () => {
    const { headers, body, ...rest } = slack.click('aftersend.resolve', { value: id })
    const old = slack.click('aftersend.resolve', { value: id, at: Date.now() - 6 * 60_000 })
    const early = slack.click('aftersend.resolve', { value: id, at: Date.now() + 6 * 60_000 })
    const timestamp = headers['x-slack-request-timestamp']
    for (const request of [
      { ...rest, headers, body: `${body}&` },
      { ...rest, headers: { ...headers, 'x-slack-signature': 'v0=00' }, body },
      {
        ...rest,
        headers: { ...headers, 'x-slack-signature': slackSignature(Buffer.from(body), 'guess', timestamp) },
        body,
      },
      { ...rest, headers: { 'content-type': headers['content-type'] }, body },
      { ...rest, headers: { ...headers, 'x-slack-request-timestamp': 'now' }, body },
      ...[old, early],
    ]) {
      assert.equal((await fetch(served.url + path, request)).status, 401)
    }
    assert.deepEqual(served.emailWorkflows.commands, [])
    assert.equal(await db.auditEntry.count(), audited, 'strangers fill no log')
  })

  it('act only on escalations of the projects whose messages the app gets', async () => {
    await writeEscalation(db, { provider: 'shop:aisend', emailId: 'em_1' }, opened)
    const { id: ofShop } = await db.escalation.findFirstOrThrow({ where: { provider: 'shop:aisend' } })
    for (const value of [ofShop, 'esc_none']) assert.equal((await click('resolve', { value })).status, 404)
    assert.deepEqual(served.emailWorkflows.commands, [])
  })

  it('on links need nothing', async () => {
    assert.equal((await click('open')).status, 200)
    assert.deepEqual(served.emailWorkflows.commands, [])
  })

  it('are explained to the person when they fail', async () => {
    for (const [error, status, why] of [
      [new CommandRefusedError('the escalation is already resolved'), 409, /already resolved/],
      [new TemporalUnavailableError('away'), 503, /Temporal does not answer: try again later/],
    ] as const) {
      served.emailWorkflows.answer = () => Promise.reject(error)
      assert.equal((await click('acknowledge')).status, status)
      const answer = slack.answers.at(-1) as { response_type: string; replace_original: boolean; text: string }
      assert.deepEqual([answer.response_type, answer.replace_original], ['ephemeral', false])
      assert.match(answer.text, why)
    }
  })

  it('are answered before Slack gives up, and explained later', async () => {
    let fail = (_error: Error) => {}
    served.emailWorkflows.answer = () => new Promise((_, reject) => (fail = reject))
    const started = performance.now()
    assert.equal((await click('acknowledge')).status, 200)
    assert.ok(performance.now() - started < 3_000)
    const before = slack.answers.length
    fail(new CommandRefusedError('too late'))
    await until(() => slack.answers.length > before)
  })

  it('are 404 where no app is configured, and 400 without an interaction', async () => {
    const { body: _, ...request } = slack.click('aftersend.open')
    const body = 'payload=nothing'
    const timestamp = request.headers['x-slack-request-timestamp']
    const headers = {
      ...request.headers,
      'x-slack-signature': slackSignature(Buffer.from(body), slack.signingSecret, timestamp),
    }
    assert.equal((await fetch(served.url + path, { ...request, headers, body })).status, 400)
    await served.restart({ slackApps: [] })
    assert.equal((await click('open')).status, 404)
  })
})

describe('the API of channels', () => {
  const { db } = useDatabase()
  const sent: string[] = []
  const channel = (name: string, projects: string[] | null, failure: string | null = null) => ({
    ...{ name, type: 'slack', projects: projects && new Set(projects) },
    async test() {
      sent.push(name)
      return failure
    },
  })
  const served = useApi(() => ({
    db,
    teamChannels: [channel('oncall', null), channel('shop', ['shop']), channel('broken', null, 'Slack answered 500')],
  }))

  it('lists them, and sends a test message to one', async () => {
    const list = await (await served.call('GET', '/v1/channels')).json()
    assert.deepEqual(list, { data: ['oncall', 'shop', 'broken'].map((name) => ({ name, type: 'slack' })) })
    assert.equal((await served.call('POST', '/v1/channels/oncall/test')).status, 200)
    assert.deepEqual(sent, ['oncall'])
    assert.equal(await db.auditEntry.count({ where: { action: 'channel.test', status: 200 } }), 1)
  })

  it('says why a channel does not accept it, and which there is not', async () => {
    const refused = await served.call('POST', '/v1/channels/broken/test')
    assert.equal(refused.status, 502)
    assert.match(JSON.stringify(await refused.json()), /Slack answered 500/)
    assert.equal((await served.call('POST', '/v1/channels/none/test')).status, 404)
  })
})
