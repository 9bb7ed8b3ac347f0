import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  everything,
  type NoticeRouting,
  type QuietHours,
  quietEnd,
  type RoutedNotice,
  routeOf,
} from '../../src/domain/notice-routing.ts'

const hourMs = 3_600_000
const stall: RoutedNotice = { provider: 'resend', emailId: 'em_1', reason: 'stalled', priority: 'normal' }
const incident = (reason: RoutedNotice['reason'], scope: string): RoutedNotice => ({
  ...{ provider: 'aftersend', emailId: `${scope}@2026-01-01T00:00:00.000Z` },
  ...{ reason, priority: 'normal' },
})
const at = (time: string): number => Date.parse(time)
const route = (notice: RoutedNotice, routing: Partial<NoticeRouting>, time = '2026-06-15T12:00:00Z') =>
  routeOf(notice, { ...everything, ...routing }, at(time))
const held = (time: string) => ({ do: 'hold', until: at(time) })
const night: QuietHours = { from: 22 * 60, to: 7 * 60, timeZone: 'Europe/Berlin' }

describe('the routing of notices', () => {
  it('takes everything at once unless it is limited', () => {
    for (const notice of [stall, incident('backlog', 'system')]) assert.deepEqual(route(notice, {}), { do: 'send' })
  })

  it('skips other reasons and other priorities, of which incidents have none', () => {
    assert.deepEqual(route(stall, { reasons: new Set(['critical_bounce']) }), { do: 'skip' })
    assert.deepEqual(route(stall, { reasons: new Set(['stalled']) }), { do: 'send' })
    assert.deepEqual(route(stall, { priorities: new Set(['critical']) }), { do: 'skip' })
    assert.deepEqual(route(incident('silence', 'provider:resend'), { priorities: new Set(['critical']) }), {
      do: 'send',
    })
  })

  it('skips other projects; an incident is of the project of its provider, or of the default one', () => {
    const taken = (notice: RoutedNotice, project: string) => route(notice, { projects: new Set([project]) }).do
    assert.deepEqual(
      [
        taken({ ...stall, provider: 'shop:resend' }, 'shop'),
        taken(stall, 'shop'),
        taken(stall, 'default'),
        taken(incident('bounce_rate', 'provider:shop:resend'), 'shop'),
        taken(incident('bounce_rate', 'tag:receipt'), 'shop'),
        taken(incident('backlog', 'system'), 'default'),
      ],
      ['send', 'skip', 'send', 'send', 'skip', 'send'],
    )
  })

  it('collects what is not urgent until the end of a digest, and nothing else', () => {
    const routing = { digestMs: hourMs }
    assert.deepEqual(route(stall, routing, '2026-06-15T12:00:00Z'), held('2026-06-15T13:00:00Z'))
    assert.deepEqual(route(stall, routing, '2026-06-15T12:59:59.999Z'), held('2026-06-15T13:00:00Z'))
    assert.deepEqual(route({ ...stall, priority: 'critical' }, routing), { do: 'send' })
    assert.deepEqual(route(incident('bounce_rate', 'tag:x'), routing), { do: 'send' })
  })

  it('holds what is not urgent in quiet hours, by the clock on the wall there', () => {
    const routing = { quietHours: night }
    // 22:00 in Berlin is 20:00 UTC in summer, and 21:00 in winter.
    assert.deepEqual(route(stall, routing, '2026-06-15T19:59:59Z'), { do: 'send' })
    assert.deepEqual(route(stall, routing, '2026-06-15T20:00:00Z'), held('2026-06-16T05:00:00Z'))
    assert.deepEqual(route(stall, routing, '2026-06-16T04:59:00Z'), held('2026-06-16T05:00:00Z'))
    assert.deepEqual(route(stall, routing, '2026-06-16T05:00:00Z'), { do: 'send' })
    assert.deepEqual(route(stall, routing, '2026-12-15T20:30:00Z'), { do: 'send' })
    assert.deepEqual(route({ ...stall, priority: 'critical' }, routing, '2026-06-15T23:00:00Z'), { do: 'send' })
  })

  it('ends quiet hours by the clock on the wall when it is changed in between', () => {
    // In Berlin, summer time begins on 29 March 2026 and ends on 25 October, at 01:00 UTC.
    assert.equal(quietEnd(night, at('2026-03-28T22:00:00Z')), at('2026-03-29T05:00:00Z'))
    assert.equal(quietEnd(night, at('2026-10-24T21:00:00Z')), at('2026-10-25T06:00:00Z'))
  })

  it('sends a digest that ends in quiet hours after them', () => {
    const routing = { quietHours: night, digestMs: hourMs }
    assert.deepEqual(route(stall, routing, '2026-06-15T19:30:00Z'), held('2026-06-16T05:00:00Z'))
  })

  it('holds nothing for longer than a day and a digest, and nothing until a quiet time', () => {
    const minute = fc.integer({ min: 0, max: 1_439 })
    const timeZone = fc.constantFrom('Europe/Berlin', 'America/St_Johns', 'Asia/Kathmandu', 'Pacific/Auckland', 'UTC')
    const times = fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2027-12-31T00:00:00Z') })
    fc.assert(
      fc.property(minute, minute, timeZone, times, (from, to, zone, now) => {
        fc.pre(from !== to)
        const hours = { from, to, timeZone: zone }
        const end = quietEnd(hours, now)
        assert.ok(end >= now && end - now <= 25 * hourMs, `${end - now}`)
        // Where the clock is put forward, the time of the end may not exist, and is passed.
        const again = quietEnd(hours, end)
        assert.ok(again === end || again - end <= 2 * hourMs)
      }),
      { numRuns: 300 },
    )
  })
})
