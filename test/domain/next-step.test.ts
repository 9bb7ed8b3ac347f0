import assert from 'node:assert/strict'
import { type FailureParty, type FailureReason, failureReasons } from '../../src/domain/failure.ts'
import { adviceFor } from '../../src/domain/failure-advice.ts'
import { failureRules } from '../../src/domain/failure-rules.ts'
import { emailStatuses } from '../../src/domain/lifecycle.ts'
import { nextStepOf, type Person, type PersonEmail, type PersonSuppression } from '../../src/domain/next-step.ts'
import { suppressionReasons } from '../../src/domain/suppression.ts'
import { spanInWords } from '../../src/domain/time-span.ts'

const now = Date.UTC(2026, 10, 30, 12)
const [minute, hour, day] = [60_000, 3_600_000, 86_400_000]
const reasons = Object.keys(failureReasons) as FailureReason[]
const parties: readonly FailureParty[] = ['recipient', 'sender', 'receiver', 'provider', 'unknown']

const email = (parts: Partial<PersonEmail> = {}): PersonEmail => ({
  status: 'delivered',
  createdAt: now - 2 * hour,
  scheduledFor: null,
  deliveredAt: now - 2 * hour,
  complainedAt: null,
  failure: null,
  engagedAt: null,
  isSeen: false,
  ...parts,
})
const failed = (
  reason: FailureReason,
  agoMs = 3 * day,
  status: 'bounced' | 'failed' | 'deferred' = 'failed',
  party: FailureParty = failureReasons[reason],
): PersonEmail =>
  email({ status, createdAt: now - agoMs, deliveredAt: null, failure: { reason, party, at: now - agoMs } })
const suppression = (parts: Partial<PersonSuppression> = {}): PersonSuppression => ({
  reason: 'hard_bounce',
  since: now - 3 * day,
  addedBy: null,
  failure: null,
  isErased: false,
  ...parts,
})
const person = (parts: Partial<Person> = {}): Person => ({
  now,
  emails: [],
  suppression: null,
  unsubscribed: [],
  ...parts,
})
const sentenceFor = (parts: Partial<Person>) => nextStepOf(person(parts)).sentence

/** One sentence, without words that only engineers know. */
function assertPlain(sentence: string): void {
  assert.match(sentence, /^[A-Z][^.!?{}_]+; [^.!?{}_]+\.$/, sentence)
  assert.doesNotMatch(sentence, /SMTP|DKIM|SPF|DMARC|DNS|TLS|bounce|undefined|null|NaN|@ |\d{3} \d\.\d/, sentence)
}

describe('the next step for a person', () => {
  describe('after a failure', () => {
    for (const reason of reasons) {
      it(`is a text of its own for ${reason}, at each stage and for each party`, () => {
        for (const party of parties) {
          const sentences = [
            sentenceFor({ emails: [failed(reason, 3 * day, 'deferred', party)] }),
            sentenceFor({ emails: [failed(reason, 3 * day, 'failed', party)] }),
            sentenceFor({ emails: [], suppression: suppression({ failure: { reason, party } }) }),
          ]
          for (const sentence of sentences) {
            assert.match(sentence, /since 3 days/)
            assertPlain(sentence.replace('after the @ of', 'after it of'))
          }
        }
        const texts = new Set(reasons.map((each) => adviceFor(each, failureReasons[each], 'over').what))
        assert.equal(texts.size, reasons.length)
      })
    }

    it('has a text of its own wherever a rule names another party than the usual one', () => {
      const unusual = failureRules
        .flat()
        .filter(({ reason, party }) => party !== undefined && party !== failureReasons[reason])
      const others = [
        ...unusual.map(({ reason, party }) => [reason, party] as const),
        ['unknown', 'recipient'] as const,
      ]
      assert.ok(others.length > 3)
      for (const [reason, party] of others) {
        const usual = adviceFor(reason, failureReasons[reason], 'over').what
        assert.notEqual(adviceFor(reason, party ?? 'unknown', 'over').what, usual, `${reason} of ${party}`)
      }
    })

    it('distinguishes somebody from nobody: the party of the failure must act', () => {
      for (const reason of reasons) {
        assert.equal(nextStepOf(person({ emails: [failed(reason)] })).actor, failureReasons[reason])
      }
    })

    it('says since when, and of how many emails', () => {
      assert.equal(
        sentenceFor({ emails: [failed('mailbox_full')] }),
        'Their mailbox is full since 3 days; nothing to fix on your side: ask them to make room, and then send it again.',
      )
      assert.match(
        sentenceFor({
          emails: [failed('mailbox_full', hour), failed('mailbox_full'), email({ createdAt: now - 9 * day })],
        }),
        /^Their mailbox is full since 3 days \(2 of 3 emails\); /,
      )
    })

    it('counts its days only back to the last email that arrived', () => {
      const emails = [failed('timed_out', hour), email(), failed('timed_out', 9 * day)]
      assert.match(sentenceFor({ emails }), /does not answer in time since 1 hour \(2 of 3 emails\)/)
    })

    it('prefers a recent failure to an email that only waits, and the waiting one to an old failure', () => {
      const waiting = email({ status: 'sent', createdAt: now - minute, deliveredAt: null })
      assert.match(sentenceFor({ emails: [waiting, failed('authentication')] }), /cannot verify since 3 days/)
      assert.match(sentenceFor({ emails: [waiting, failed('authentication', 20 * day)] }), /on its way since 1 minute/)
    })
  })

  describe('without a failure', () => {
    it('has a sentence for every status', () => {
      for (const status of emailStatuses) assertPlain(sentenceFor({ emails: [email({ status })] }))
    })

    it('says that the latest email was opened, or where to look for it', () => {
      const seen = { engagedAt: now - hour, isSeen: true }
      const other = email({ createdAt: now - day })
      assert.deepEqual(nextStepOf(person({ emails: [email({ status: 'opened', ...seen }), other] })), {
        actor: 'nobody',
        sentence:
          'Their latest email arrived 2 hours ago and was opened 1 hour ago (2 of 2 emails arrived); nothing to fix.',
      })
      assert.match(
        sentenceFor({ emails: [email({ status: 'clicked', ...seen })] }),
        /was clicked 1 hour ago; nothing to fix/,
      )
      assert.match(sentenceFor({ emails: [email({ status: 'opened' })] }), /was not opened yet; .+ spam folder/)
    })

    it('says since when an email waits, when it is planned, and when waiting is too long', () => {
      const waiting = (parts: Partial<PersonEmail>) => sentenceFor({ emails: [email({ deliveredAt: null, ...parts })] })
      assert.match(
        waiting({ status: 'queued', createdAt: now - 5 * minute }),
        /waits to be sent since 5 minutes; .+ later/,
      )
      assert.match(
        waiting({ status: 'sent', createdAt: now - 2 * day }),
        /on its way since 2 days; that is unusually long/,
      )
      assert.match(waiting({ status: 'queued', scheduledFor: now + 3 * hour }), /is to be sent in 3 hours, as planned/)
    })

    it('says that nothing is known', () => {
      assert.match(
        sentenceFor({}),
        /^No email to this address is known, .+ erased; check how the address is spelled\.$/,
      )
    })

    it('says from which list they unsubscribed', () => {
      const unsubscribed = [{ list: 'Weekly news', at: now - 2 * day }]
      assert.match(
        sentenceFor({ emails: [email()], unsubscribed }),
        /; they unsubscribed from “Weekly news” 2 days ago/,
      )
      assert.match(sentenceFor({ unsubscribed: [{ list: null, at: now - day }] }), /; they unsubscribed 1 day ago/)
    })

    it('says that they complained, until an email after it arrives', () => {
      const complained = email({ status: 'complained', complainedAt: now - hour })
      assert.match(sentenceFor({ emails: [complained] }), /^They reported one of your emails as spam 1 hour ago/)
      assert.match(sentenceFor({ emails: [email({ createdAt: now - minute }), complained] }), /latest email arrived/)
    })
  })

  describe('of a suppressed person', () => {
    it('has a sentence for each reason, with and without a failure behind it', () => {
      for (const reason of suppressionReasons) {
        for (const isErased of [false, true]) {
          assertPlain(sentenceFor({ suppression: suppression({ reason, isErased }) }))
        }
      }
    })

    it('names who put the address on the list by hand', () => {
      const { actor, sentence } = nextStepOf(
        person({ suppression: suppression({ reason: 'manual', addedBy: 'grace' }) }),
      )
      assert.equal(actor, 'sender')
      assert.match(sentence, /on the suppression list since 3 days, put there by grace; nothing is sent/)
    })

    it('says so where the failure behind it was not the fault of the recipient', () => {
      const wrongly = person({ suppression: suppression({ failure: { reason: 'authentication', party: 'sender' } }) })
      assert.match(nextStepOf(wrongly).sentence, /it was not their fault: take them off the suppression list/)
      assert.equal(nextStepOf(wrongly).actor, 'sender')
    })

    it('says that an erased person is known by the suppression alone', () => {
      assert.match(
        sentenceFor({ suppression: suppression({ isErased: true }) }),
        /^Their data was erased, and only the suppression/,
      )
    })
  })
})

describe('a duration in words', () => {
  it('has the largest whole unit', () => {
    const words = [0, 59_999, minute, 119_999, 2 * hour - 1, day, 3 * day].map(spanInWords)
    assert.deepEqual(words, [
      'less than a minute',
      'less than a minute',
      '1 minute',
      '1 minute',
      '1 hour',
      '1 day',
      '3 days',
    ])
  })

  it('is not negative for a time that a provider puts ahead of ours', () =>
    assert.equal(spanInWords(-day), 'less than a minute'))
})
