import assert from 'node:assert/strict'
import { emailEscalationReasons, escalationReasons } from '../../src/domain/escalation.ts'
import { incidentKeyOf, incidentReasons } from '../../src/domain/incident.ts'
import { headlineOf, textOf } from '../../src/notify/wording.ts'
import { sampleNotice } from './sample-notice.ts'

describe('the wording of a notice', () => {
  for (const reason of emailEscalationReasons) {
    it(`says which email, what happened, since when and what to do when the reason is ${reason}`, () => {
      const text = textOf(sampleNotice({ reason }))
      assert.match(text, /em_42/)
      assert.match(text, /ada@example\.com/)
      assert.match(text, /grüße/)
      assert.match(text, /What happened: Nothing was heard for 10 minutes after it was sent\. Its status is sent\./)
      assert.match(text, /Since: 2026-11-24T09:30:00\.000Z/)
      assert.match(text, /What to do: \S.{20,}/)
      assert.match(text, /\/v1\/escalations\/esc_7\/acknowledge/)
    })
  }

  for (const reason of incidentReasons) {
    it(`says what of the sending goes wrong, and speaks of no email, when the reason is ${reason}`, () => {
      const about = incidentKeyOf('tag:receipt', '2026-11-24T09:30:00.000Z')
      const notice = sampleNotice({ reason, ...about, recipients: [], detail: '3 % of 100 emails bounced hard.' })
      assert.match(headlineOf(notice), /^Tag receipt: \w/)
      const text = textOf(notice)
      assert.match(text, /What happened: 3 % of 100 emails bounced hard\.\n/)
      assert.match(text, /What to do: \S.{20,}/)
      assert.match(text, /\/v1\/escalations\/esc_7\/acknowledge\.$/)
      assert.doesNotMatch(text, /To:|Subject:|aftersend|09:30:00\.000Z@/)
      assert.match(headlineOf({ ...notice, ...incidentKeyOf('system', 'x') }), /^The system: \w/)
    })
  }

  it('gives every reason a headline and a remedy of its own', () => {
    const texts = escalationReasons.map((reason) => textOf(sampleNotice({ reason })))
    assert.equal(new Set(texts).size, escalationReasons.length)
  })

  it('says in the headline that it is the second notice, and names no address there', () => {
    assert.equal(headlineOf(sampleNotice()), 'Critical email em_42: no word on its delivery')
    assert.equal(
      headlineOf(sampleNotice({ notice: 2 })),
      'Second notice: critical email em_42: no word on its delivery',
    )
    assert.match(headlineOf(sampleNotice({ notice: 4 })), /^Notice 4: /)
  })

  it('lets a subject neither call everybody on Slack, nor add lines, nor turn the reading direction', () => {
    const text = textOf(
      sampleNotice({ subject: '<!channel> free\r\nSince: never \u202eevil <http://evil.example|Click>' }),
    )
    assert.ok(!/[<>\u202e\r]/.test(text))
    assert.equal(text.split('\n').filter((line) => line.startsWith('Since:')).length, 1)
  })

  it('cuts long quotes between characters, and counts recipients past the fifth', () => {
    const many = Array.from({ length: 8 }, (_, index) => `r${index}@example.com`)
    const text = textOf(sampleNotice({ subject: '✉️😀'.repeat(500), recipients: many }))
    assert.match(text, /r4@example\.com and 3 more/)
    assert.ok(text.length < 2_000 && text.isWellFormed())
  })

  it('says so when subject and recipients are unknown', () => {
    const text = textOf(sampleNotice({ subject: null, recipients: [] }))
    assert.match(text, /To: \(unknown\)\nSubject: \(unknown\)/)
  })
})
