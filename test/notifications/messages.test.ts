import assert from 'node:assert/strict'
import { emailEscalationReasons, escalationReasons } from '../../src/domain/escalation.ts'
import { incidentKeyOf, incidentReasons } from '../../src/domain/incident.ts'
import { headlineOf, textOf } from '../../src/notifications/messages.ts'
import { sampleNotice } from './sample-notice.ts'

describe('the text of a notice', () => {
  for (const reason of emailEscalationReasons) {
    it(`contains the email, what happened, since when and what to do for the reason ${reason}`, () => {
      const text = textOf(sampleNotice({ reason }))
      assert.match(text, /em_42/)
      assert.match(text, /ada@example\.com/)
      assert.match(text, /grüße/)
      assert.match(text, /What happened: No delivery was reported within 10 minutes\. Its status is sent\./)
      assert.match(text, /Since: 2026-11-24T09:30:00\.000Z/)
      assert.match(text, /What to do: \S.{20,}/)
      assert.match(text, /\/v1\/escalations\/esc_7\/acknowledge/)
    })
  }

  for (const reason of incidentReasons) {
    it(`names the scope and no email for the reason ${reason}`, () => {
      const [scope, subject] =
        reason === 'sender_refused'
          ? ['authentication/gmail', /^Gmail \(authentication failed\): \w/]
          : ['tag:receipt', /^Tag receipt: \w/]
      const about = incidentKeyOf(scope, '2026-11-24T09:30:00.000Z')
      const notice = sampleNotice({ reason, ...about, recipients: [], detail: '3 % of 100 emails bounced hard.' })
      assert.match(headlineOf(notice), subject)
      const text = textOf(notice)
      assert.match(text, /What happened: 3 % of 100 emails bounced hard\.\n/)
      assert.match(text, /What to do: \S.{20,}/)
      assert.match(text, /\/v1\/escalations\/esc_7\/acknowledge\.$/)
      assert.doesNotMatch(text, /To:|Subject:|aftersend|09:30:00\.000Z@/)
      assert.match(headlineOf({ ...notice, ...incidentKeyOf('system', 'x') }), /^The system: \w/)
    })
  }

  it('has a headline and a remedy for every reason', () => {
    const texts = escalationReasons.map((reason) => textOf(sampleNotice({ reason })))
    assert.equal(new Set(texts).size, escalationReasons.length)
  })

  it('has the number of the notice but no address in the headline', () => {
    assert.equal(headlineOf(sampleNotice()), 'Critical email em_42: no delivery was reported in time')
    assert.equal(
      headlineOf(sampleNotice({ notice: 2 })),
      'Second notice: critical email em_42: no delivery was reported in time',
    )
    assert.match(headlineOf(sampleNotice({ notice: 4 })), /^Notice 4: /)
  })

  it('neutralizes mentions, line breaks and reading direction in a subject', () => {
    const text = textOf(
      sampleNotice({ subject: '<!channel> free\r\nSince: never \u202eevil <http://evil.example|Click>' }),
    )
    assert.ok(!/[<>\u202e\r]/.test(text))
    assert.equal(text.split('\n').filter((line) => line.startsWith('Since:')).length, 1)
  })

  it('cuts long quotes between characters, and only counts recipients after the fifth', () => {
    const many = Array.from({ length: 8 }, (_, index) => `r${index}@example.com`)
    const text = textOf(sampleNotice({ subject: '✉️😀'.repeat(500), recipients: many }))
    assert.match(text, /r4@example\.com and 3 more/)
    assert.ok(text.length < 2_000 && text.isWellFormed())
  })

  it('has placeholders for an unknown subject and unknown recipients', () => {
    const text = textOf(sampleNotice({ subject: null, recipients: [] }))
    assert.match(text, /To: \(unknown\)\nSubject: \(unknown\)/)
  })
})
