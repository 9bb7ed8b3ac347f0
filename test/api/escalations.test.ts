import assert from 'node:assert/strict'
import { commandEscalation, type Escalation } from '../../src/domain/escalation.ts'
import { incidentKeyOf } from '../../src/domain/incident.ts'
import { TemporalUnavailableError } from '../../src/errors.ts'
import { CommandRefusedError } from '../../src/temporal/email-workflows.ts'
import { useDatabase } from '../stack.ts'
import { problemIn, useApi } from './served.ts'

const now = Date.UTC(2026, 0, 1)
const open: Escalation = {
  reason: 'stalled',
  state: 'open',
  detail: 'No delivery for 10 minutes',
  openedAt: now - 60_000,
  acknowledgedAt: null,
  acknowledgedBy: null,
  snoozedUntil: null,
  resolvedAt: null,
  resolvedBy: null,
  notices: 1,
  nextNoticeAt: null,
}

describe('/v1/escalations', () => {
  const { db } = useDatabase('escalations')
  const served = useApi(() => ({ db, clock: () => now }))
  beforeEach(() => {
    served.emailWorkflows.answer = async (command) => commandEscalation(open, command, now)
  })

  const add = (id: string, more: Record<string, unknown> = {}) =>
    db.escalation.create({
      data: {
        id,
        provider: 'aisend',
        emailId: `em_${id}`,
        reason: 'stalled',
        state: 'open',
        detail: open.detail,
        openedAt: new Date(open.openedAt),
        ...more,
      },
    })
  const act = (path: string, body?: unknown, headers?: Record<string, string>) =>
    served.call('POST', `/v1/escalations/${path}`, body, headers)

  it('lists an incident with its scope, and executes a command on it', async () => {
    const incident = { scope: 'tag:receipt', episode: '2026-01-01T00:00:00.000Z' }
    await add('esc_1', { ...incidentKeyOf(incident.scope, incident.episode), reason: 'bounce_rate' })
    const { data } = (await (await served.call('GET', '/v1/escalations?reason=bounce_rate')).json()) as {
      data: object[]
    }
    const [listed] = data as Record<string, unknown>[]
    assert.deepEqual([listed?.['provider'], listed?.['emailId'], listed?.['scope']], [null, null, 'tag:receipt'])
    served.emailWorkflows.answer = async () => ({ ...open, reason: 'bounce_rate' })
    const answer = (await (await act('esc_1/acknowledge')).json()) as Record<string, unknown>
    assert.deepEqual([answer['emailId'], answer['scope']], [null, 'tag:receipt'])
    assert.deepEqual(served.emailWorkflows.commands[0]?.subject, incident)
  })

  it("executes a command in the email's workflow and answers with the result", async () => {
    await add('esc_1')
    const response = await act('esc_1/acknowledge', { by: 'grace' })
    assert.equal(response.status, 200)
    assert.deepEqual(await response.json(), {
      provider: 'aisend',
      emailId: 'em_esc_1',
      scope: null,
      email: null,
      id: 'esc_1',
      reason: 'stalled',
      state: 'acknowledged',
      detail: open.detail,
      openedAt: new Date(open.openedAt).toISOString(),
      acknowledgedAt: new Date(now).toISOString(),
      acknowledgedBy: 'grace',
      snoozedUntil: null,
      resolvedAt: null,
      resolvedBy: null,
      notices: 1,
    })
    assert.deepEqual(served.emailWorkflows.commands, [
      {
        subject: { provider: 'aisend', emailId: 'em_esc_1' },
        reason: 'stalled',
        command: { do: 'acknowledge', by: 'grace' },
      },
    ])
  })

  it('requires no body', async () => {
    await add('esc_1')
    for (const action of ['acknowledge', 'snooze', 'resolve']) assert.equal((await act(`esc_1/${action}`)).status, 200)
    assert.deepEqual(
      served.emailWorkflows.commands.map(({ command }) => command),
      [
        { do: 'acknowledge', by: 'api' },
        { do: 'snooze', by: 'api', until: now + 3_600_000 },
        { do: 'resolve', by: 'api' },
      ],
    )
  })

  it('snoozes for a duration or until a time', async () => {
    await add('esc_1')
    const bodies = [{ for: '2h' }, { for: '1.5m' }, { until: '2026-01-01T02:00:00+01:00' }]
    for (const body of bodies) assert.equal((await act('esc_1/snooze', body)).status, 200)
    assert.deepEqual(
      served.emailWorkflows.commands.map(({ command }) => (command.do === 'snooze' ? command.until - now : null)),
      [7_200_000, 90_000, 3_600_000],
    )
  })

  it('answers 400 to invalid requests, and executes nothing', async () => {
    await add('esc_1')
    const bodies: unknown[] = [
      { by: 'ada@example.com' },
      { by: '' },
      { by: 'x'.repeat(65) },
      { by: 'a\nb' },
      { by: 5 },
      '[]',
      '42',
      '{',
    ]
    const snoozes: unknown[] = [
      { for: '1h', until: '2026-01-01T02:00:00Z' },
      { for: '0s' },
      { for: '99999999d' },
      { for: 'soon' },
      { for: 5 },
      { until: 'tomorrow' },
      { until: '2025-12-31T00:00:00Z' },
      { until: '9999-01-01T00:00:00Z' },
    ]
    for (const action of ['acknowledge', 'snooze', 'resolve']) {
      for (const body of action === 'snooze' ? [...bodies, ...snoozes] : bodies) {
        const response = await act(`esc_1/${action}`, body)
        assert.equal(response.status, 400, JSON.stringify(body))
        await problemIn(response)
      }
    }
    assert.equal(served.emailWorkflows.commands.length, 0)
    const { errors } = await problemIn(await act('esc_1/resolve', { by: 'ada@example.com' }))
    assert.match(errors?.[0]?.message ?? '', /addresses must not enter Temporal/)
  })

  it('gives a retry the ID of the first request: by its Idempotency-Key, else for the same command on the same state', async () => {
    await add('esc_1')
    const idsOf = async (...requests: [string, unknown, string?][]) => {
      for (const [path, body, key] of requests)
        assert.equal((await act(path, body, key === undefined ? {} : { 'idempotency-key': key })).status, 200)
      return new Set(served.emailWorkflows.updateIds.splice(0)).size
    }
    const ada = { by: 'ada' }
    assert.equal(await idsOf(['esc_1/resolve', ada], ['esc_1/resolve', ada]), 1)
    assert.equal(await idsOf(['esc_1/snooze', { for: '2h' }], ['esc_1/snooze', { for: '2h' }]), 1)
    assert.equal(await idsOf(['esc_1/acknowledge', ada, 'k'], ['esc_1/acknowledge', {}, 'k']), 1)
    assert.equal(await idsOf(['esc_1/resolve', ada], ['esc_1/resolve', { by: 'bob' }], ['esc_1/acknowledge', ada]), 3)
    assert.equal(
      await idsOf(['esc_1/resolve', ada, 'k'], ['esc_1/resolve', ada, 'l'], ['esc_1/acknowledge', ada, 'k']),
      3,
    )
    assert.equal(await idsOf(['esc_1/snooze', { for: '2h' }], ['esc_1/snooze', { for: '3h' }]), 2)
    const first = await idsOf(['esc_1/acknowledge', ada])
    await db.escalation.update({ where: { id: 'esc_1' }, data: { version: { increment: 1 } } })
    assert.equal(first + (await idsOf(['esc_1/acknowledge', ada])), 2)
    assert.equal((await act('esc_1/resolve', {}, { 'idempotency-key': 'a b' })).status, 400)
  })

  it('answers a repeated resolve by the same person with the resolved escalation', async () => {
    await add('esc_1', { state: 'resolved', resolvedBy: 'ada', resolvedAt: new Date(now) })
    const answer = await act('esc_1/resolve', { by: 'ada' })
    assert.deepEqual([answer.status, served.emailWorkflows.commands.length], [200, 0])
    assert.equal(((await answer.json()) as { resolvedBy: string }).resolvedBy, 'ada')
  })

  it('answers 404 to an unknown escalation, 409 to a refused command, 503 while Temporal does not answer', async () => {
    assert.equal((await act('esc_404/resolve')).status, 404)
    await add('esc_1')
    served.emailWorkflows.answer = () => Promise.reject(new CommandRefusedError('the escalation is already resolved'))
    const refused = await act('esc_1/resolve')
    assert.equal(refused.status, 409)
    assert.equal((await problemIn(refused)).detail, 'the escalation is already resolved')
    served.emailWorkflows.answer = () => Promise.reject(new TemporalUnavailableError('no worker'))
    const away = await act('esc_1/resolve')
    assert.equal(away.status, 503)
    assert.match(away.headers.get('retry-after') ?? '', /^\d+$/)
  })

  it('lists newest first by state and reason, page by page without gap or repeat', async () => {
    for (let index = 0; index < 25; index++) {
      await add(`esc_${index}`, {
        openedAt: new Date(now + Math.floor(index / 10)),
        state: index % 5 === 0 ? 'resolved' : 'open',
        reason: index % 2 === 0 ? 'stalled' : 'critical_bounce',
      })
    }
    const ids = async (query: string) => {
      const found: string[] = []
      for (let cursor = ''; ; ) {
        const response = await served.call('GET', `/v1/escalations?limit=4&${query}${cursor}`)
        assert.equal(response.status, 200)
        const { data, nextCursor } = (await response.json()) as { data: { id: string }[]; nextCursor: string | null }
        found.push(...data.map(({ id }) => id))
        if (nextCursor === null) return found
        cursor = `&cursor=${nextCursor}`
        await add(`esc_late_${found.length}_${query}`, { openedAt: new Date(now + 1_000) })
      }
    }
    const all = await ids('')
    assert.equal(new Set(all).size, all.length)
    assert.equal(all.filter((id) => !id.includes('late')).length, 25)
    assert.equal((await ids('state=resolved')).length, 5)
    assert.equal((await ids('state=resolved&reason=critical_bounce')).length, 2)
    for (const query of ['state=lost', 'reason=whim', 'cursor=x', 'limit=0']) {
      assert.equal((await served.call('GET', `/v1/escalations?${query}`)).status, 400, query)
    }
  })
})
