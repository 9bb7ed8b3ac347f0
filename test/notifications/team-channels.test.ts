import assert from 'node:assert/strict'
import { readConfig } from '../../src/config.ts'
import { type EscalationReason, escalationReasons } from '../../src/domain/escalation.ts'
import { isIncidentReason } from '../../src/domain/incident.ts'
import { NoticeRefusedError, type SupportChannel, type SupportNotice } from '../../src/notifications/channel.ts'
import { SupportUnreachableError } from '../../src/notifications/errors.ts'
import { createTeamChannels } from '../../src/notifications/team-channels.ts'
import { startOpsgenieStandIn } from '../stand-ins/opsgenie.ts'
import { startPagerDutyStandIn } from '../stand-ins/pagerduty.ts'
import { startSlackStandIn } from '../stand-ins/slack.ts'
import { startTeamsStandIn } from '../stand-ins/teams.ts'
import { sampleNotice } from './sample-notice.ts'

/** A channel as the configuration makes it, from its variables without `CHANNEL_A_`. */
function channelOf(variables: Record<string, string>): SupportChannel {
  const env = Object.fromEntries(Object.entries(variables).map(([name, value]) => [`CHANNEL_A_${name}`, value]))
  const { channels, publicUrl } = readConfig({ CHANNELS: 'a', PUBLIC_URL: 'https://aftersend.example', ...env })
  const [channel] = createTeamChannels(channels, publicUrl)
  assert.ok(channel)
  return channel
}

/** One of each reason, with what comes from outside as long and as strange as it may be. */
const noticeOf = (reason: EscalationReason): SupportNotice =>
  isIncidentReason(reason)
    ? sampleNotice({
        reason,
        provider: 'aftersend',
        emailId: `tag:a&b<!channel>[x](http://evil)@2026-01-01T00:00:00.000Z`,
      })
    : sampleNotice({
        reason,
        emailId: `<!here>&[a](http://evil)${'x'.repeat(400)}`,
        subject: '<@U1> & [b](c)'.repeat(99),
      })

const acknowledged = { state: 'acknowledged', acknowledgedBy: 'ada', version: 2 } as const
const snoozed = { state: 'snoozed', acknowledgedBy: 'ada', snoozedUntil: Date.UTC(2027, 0, 1), version: 3 } as const
const resolved = { state: 'resolved', resolvedBy: 'delivered', version: 4 } as const

/** Starts a stand-in once for the tests of a suite. */
function useStandIn<StandIn extends { close(): void }>(start: () => Promise<StandIn>): () => StandIn {
  let standIn: StandIn
  before(async () => {
    standIn = await start()
  })
  after(() => standIn.close())
  return () => standIn
}

/** What holds for every channel. */
function itIsAChannel(create: (more?: Record<string, string>) => SupportChannel, standIn: () => Parts): void {
  it('sends every notice, change, digest and test in the form of the service', async () => {
    const channel = create({ ADDRESSES: 'yes' })
    for (const reason of escalationReasons) {
      const notice = { ...noticeOf(reason), escalationId: `esc_${reason}` }
      let reference = (await channel.send(notice)) || null
      for (const change of [acknowledged, snoozed, resolved])
        reference = (await channel.showState?.({ ...notice, ...change }, reference)) ?? null
    }
    const notices = Array.from({ length: 30 }, () => noticeOf('stalled'))
    await channel.sendDigest?.({ id: 'digest.1', notices, resolved: 2 })
    await channel.sendTest?.()
  })

  it('shows no address and no subject unless it is allowed to', async () => {
    const before = standIn().requests.length
    const notice = {
      ...sampleNotice({ recipients: ['ada@example.com'], subject: 'private' }),
      escalationId: 'esc_secret',
    }
    const sendAll = async (channel: SupportChannel) => {
      const reference = (await channel.send(notice)) || null
      await channel.showState?.({ ...notice, ...acknowledged }, reference)
      await channel.sendDigest?.({ id: 'digest.2', notices: [notice], resolved: 0 })
      return standIn()
        .requests.slice(before)
        .map(({ body }) => body)
        .join()
    }
    assert.doesNotMatch(await sendAll(create()), /ada@example|private/)
    assert.match(await sendAll(create({ ADDRESSES: 'yes' })), /ada@example.*private/s)
  })

  it('can be tried again after 429, as late as the service says, and after 500', async () => {
    const attempt = () => create().send(sampleNotice())
    standIn().setFaults({ rateLimit: 0 })
    await assert.rejects(attempt(), (error) => error instanceof SupportUnreachableError && error.retryAfterMs === 1_000)
    standIn().setFaults({ failEvery: 1 })
    await assert.rejects(attempt(), SupportUnreachableError)
    standIn().setFaults({})
    await attempt()
  })
}

type Parts = Pick<Awaited<ReturnType<typeof startTeamsStandIn>>, 'requests' | 'setFaults'>

describe('a Slack channel by the app', () => {
  const slack = useStandIn(startSlackStandIn)
  const create = (more: Record<string, string> = {}) =>
    channelOf({
      ...{ TYPE: 'slack', TOKEN: slack().token, TO: 'C0123ABCD', API_URL: slack().apiUrl },
      ...{ SIGNING_SECRET: slack().signingSecret, ...more },
    })
  itIsAChannel(create, slack)

  const lastMessage = () => slack().messages().at(-1)
  const buttonsOf = (message = lastMessage()) =>
    message?.blocks.flatMap((block) => (block.type === 'actions' ? block.elements.map((it) => it.action_id) : []))
  const all = ['aftersend.acknowledge', 'aftersend.snooze', 'aftersend.resolve', 'aftersend.open']

  it('has buttons for what can still be done, and changes its message with the escalation', async () => {
    const channel = create()
    const reference = (await channel.send(sampleNotice())) || null
    assert.deepEqual(buttonsOf(), all)
    await channel.showState?.(sampleNotice(acknowledged), reference)
    assert.deepEqual(buttonsOf(), all.slice(1))
    assert.match(JSON.stringify(lastMessage()?.blocks), /Acknowledged by ada/)
    await channel.showState?.(sampleNotice(resolved), reference)
    assert.deepEqual(buttonsOf(), ['aftersend.open'])
    assert.match(lastMessage()?.text ?? '', /Resolved by delivery/)
    assert.equal(lastMessage()?.changes, 2)
    const withoutSecret = channelOf({ TYPE: 'slack', TOKEN: slack().token, TO: 'C0123ABCD', API_URL: slack().apiUrl })
    await withoutSecret.send(sampleNotice())
    assert.deepEqual(buttonsOf(), ['aftersend.open'])
  })

  it('sends a further notice as a reply to the first message, which it changes', async () => {
    const channel = create()
    const reference = (await channel.send(sampleNotice())) || null
    const first = lastMessage()
    assert.equal(await channel.send(sampleNotice({ id: 'esc_7.2', notice: 2 }), reference), reference)
    assert.equal(lastMessage()?.threadTs, first?.ts)
    assert.match(lastMessage()?.text ?? '', /^Second notice/)
    assert.equal(
      slack()
        .messages()
        .find(({ ts }) => ts === first?.ts)?.changes,
      1,
    )
  })

  it('is refused for good by a wrong token and by a message that is gone', async () => {
    const stranger = create({ TOKEN: 'xoxb-wrong' })
    await assert.rejects(
      stranger.send(sampleNotice()),
      /refused chat.postMessage \(invalid_auth\): check CHANNEL_A_TOKEN/,
    )
    await assert.rejects(stranger.check?.() ?? Promise.resolve(), NoticeRefusedError)
    await create().check?.()
    const reference = (await create().send(sampleNotice())) || null
    slack().remove(lastMessage()?.ts ?? '')
    await assert.rejects(
      create().showState?.(sampleNotice(resolved), reference) ?? Promise.resolve(),
      NoticeRefusedError,
    )
  })
})

describe('a Slack channel by an incoming webhook', () => {
  const slack = useStandIn(startSlackStandIn)
  const create = (more: Record<string, string> = {}) =>
    channelOf({ TYPE: 'slack', URL: `${slack().apiUrl}/services/T0/B0/x`, ...more })
  itIsAChannel(create, slack)
})

describe('a Teams channel', () => {
  const teams = useStandIn(startTeamsStandIn)
  const create = (more: Record<string, string> = {}) => channelOf({ TYPE: 'teams', URL: teams().url, ...more })
  itIsAChannel(create, teams)

  it('links to the page of the email, and says a change in a card of its own', async () => {
    await create().send(sampleNotice())
    assert.equal(teams().cards.at(-1)?.actions?.[0]?.url, 'https://aftersend.example/emails/aisend/em_42')
    await create().showState?.(sampleNotice(acknowledged), null)
    assert.match(JSON.stringify(teams().cards.at(-1)?.body), /Acknowledged by ada/)
  })
})

describe('a PagerDuty channel', () => {
  const pagerDuty = useStandIn(startPagerDutyStandIn)
  const create = (more: Record<string, string> = {}) =>
    channelOf({ TYPE: 'pagerduty', KEY: pagerDuty().routingKey, API_URL: pagerDuty().apiUrl, ...more })
  itIsAChannel(create, pagerDuty)
  const notice = sampleNotice({ escalationId: 'esc_page' })
  const state = () => pagerDuty().incidents.get('esc_page')

  it('triggers, acknowledges and resolves one incident, and pages again when a snooze is over', async () => {
    const channel = create()
    const pages = pagerDuty().pages()
    let reference = (await channel.send(notice)) || null
    await channel.send(notice)
    assert.deepEqual([state(), pagerDuty().pages() - pages], ['triggered', 1])
    reference = (await channel.showState?.({ ...notice, ...snoozed }, reference)) ?? null
    assert.equal(state(), 'acknowledged')
    reference = (await channel.send({ ...notice, id: 'esc_page.2', notice: 2, version: 4 }, reference)) || null
    assert.deepEqual([state(), pagerDuty().pages() - pages], ['triggered', 2])
    await channel.showState?.({ ...notice, ...resolved }, reference)
    assert.equal(state(), 'resolved')
    await channel.send({ ...notice, ...resolved })
    assert.equal(state(), 'resolved')
  })

  it('says how severe it is by priority, and by whether the system itself is concerned', async () => {
    const severities: Record<string, string> = {}
    for (const changes of [
      ...(['critical', 'normal', 'bulk'] as const).map((priority) => ({ priority })),
      { reason: 'bounce_rate' as const },
      { reason: 'backlog' as const },
    ]) {
      await create().send(sampleNotice(changes))
      const event = pagerDuty().events.at(-1)
      const name = Object.values(changes)[0] ?? ''
      if (event?.event_action === 'trigger') severities[name] = event.payload.severity
    }
    const expected = {
      critical: 'critical',
      normal: 'warning',
      bulk: 'info',
      bounce_rate: 'error',
      backlog: 'critical',
    }
    assert.deepEqual(severities, expected)
  })

  it('is refused for good with a wrong key', async () => {
    await assert.rejects(
      create({ KEY: 'wrong' }).send(notice),
      /PagerDuty refused the notice \(400\): check CHANNEL_A_KEY/,
    )
  })
})

describe('an Opsgenie channel', () => {
  const opsgenie = useStandIn(startOpsgenieStandIn)
  const create = (more: Record<string, string> = {}) =>
    channelOf({ TYPE: 'opsgenie', KEY: opsgenie().apiKey, API_URL: opsgenie().apiUrl, ...more })
  itIsAChannel(create, opsgenie)

  it('creates, acknowledges, snoozes and closes one alert, by the escalation’s ID as alias', async () => {
    const notice = sampleNotice({ escalationId: 'esc_alert' })
    const channel = create()
    const alert = () => opsgenie().alerts.get('esc_alert')
    await channel.send(notice)
    await channel.send(notice)
    assert.deepEqual([alert()?.state, alert()?.count, alert()?.priority], ['open', 2, 'P1'])
    for (const [change, state] of [
      [acknowledged, 'acknowledge'],
      [snoozed, 'snooze'],
      [resolved, 'close'],
    ] as const) {
      await channel.showState?.({ ...notice, ...change }, null)
      assert.equal(alert()?.state, state)
    }
  })

  it('is refused for good with a wrong key', async () => {
    await assert.rejects(create({ KEY: 'wrong' }).send(sampleNotice()), NoticeRefusedError)
  })
})
