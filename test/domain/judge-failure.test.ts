import assert from 'node:assert/strict'
import fc from 'fast-check'
import { softBounceLimitCode } from '../../src/domain/bounce-policy.ts'
import {
  countsTowardsSuppression,
  type FailureEvidence,
  failureReasons,
  isHeldAgainstRecipient,
} from '../../src/domain/failure.ts'
import { failureRules } from '../../src/domain/failure-rules.ts'
import { countsAsSoftBounce, judgeBounce, suppressesRecipient } from '../../src/domain/judge-bounce.ts'
import { judgeFailure } from '../../src/domain/judge-failure.ts'
import { labelledFailures } from './labelled-failures.ts'

const verdict = (evidence: FailureEvidence) => {
  const { reason, party, isFinal } = judgeFailure(evidence)
  return `${reason} ${party} ${isFinal ? 'final' : 'temporary'}`
}
const ofText = (text: string) => verdict({ text })

describe('judgeFailure', () => {
  it('judges the labelled failures as people do', () => {
    const rows = labelledFailures.filter(({ held }) => !held)
    const wrong = rows.filter((row) => isHeldAgainstRecipient(judgeFailure(row)) !== row.suppress)
    const wrongReason = rows.filter((row) => judgeFailure(row).reason !== row.reason)
    assert.ok(rows.length >= 250, `${rows.length} rows`)
    assert.ok(wrong.length <= 0.01 * rows.length, wrong.map(({ text }) => text).join('\n'))
    assert.ok(wrongReason.length <= 0.03 * rows.length, wrongReason.map(({ text }) => text).join('\n'))
  })

  it('lets the text decide where the code says something else', () => {
    assert.equal(ofText('550 5.1.1 <ada@example.com>: mailbox full'), 'mailbox_full recipient temporary')
    assert.equal(ofText('554 5.7.1 <ada@example.com>: user unknown'), 'unknown_recipient recipient final')
    assert.equal(ofText('550 5.1.1 Message rejected due to DMARC policy'), 'authentication sender final')
  })

  it('falls back on the enhanced code, then on the reply code, then on the provider’s class', () => {
    assert.equal(ofText('550 5.7.26 see https://example.com'), 'authentication sender final')
    assert.equal(verdict({ enhancedCode: '5.1.2' }), 'unknown_domain recipient final')
    assert.equal(verdict({ enhancedCode: '4.2.2', replyCode: '552' }), 'mailbox_full recipient temporary')
    assert.equal(verdict({ replyCode: '550' }), 'unknown_recipient recipient final')
    assert.equal(verdict({ class: 'soft' }), 'unknown unknown temporary')
  })

  it('holds a bounce that says nothing more against the recipient', () => {
    for (const evidence of [{}, { word: 'bounced' }, { class: 'hard', text: 'Delivery has ended' }] as const) {
      assert.equal(isHeldAgainstRecipient(judgeFailure(evidence)), true)
    }
  })

  it('holds no refusal against the recipient that came before the recipient was named, or after the message', () => {
    const refusals = [
      'host mx.example.com[192.0.2.1] refused to talk to me: 550 go elsewhere please',
      'SMTP error from remote mail server after initial connection: 550 mx7 yQ2x nothing',
      'host mx.example.com[192.0.2.1] said: 550 5.1.0 no (in reply to MAIL FROM command)',
      'host mx.example.com[192.0.2.1] said: 550 Action not taken (in reply to end of DATA command)',
      '192.0.2.1 failed after I sent the message. Remote host said: 550 Action not taken',
    ]
    for (const text of refusals) assert.equal(isHeldAgainstRecipient(judgeFailure({ text })), false, text)
    assert.equal(ofText('550 Action not taken (in reply to RCPT TO command)'), 'unknown_recipient recipient final')
    assert.equal(
      ofText('550 5.1.1 No such user (in reply to end of DATA command)'),
      'unknown_recipient recipient final',
    )
  })

  it('does not hold a reason that nobody understands, unless its code speaks of the address', () => {
    for (const reply of ['554 5.3.0', '554 5.5.0', '554 5.6.0', '554 5.7.0', '554', '571', '555']) {
      const text = `${reply} sundry other things`
      assert.equal(isHeldAgainstRecipient(judgeFailure({ text, class: 'hard' })), false, text)
    }
    for (const reply of ['550', '550 5.1.1', '554 5.1.1', '550 5.2.1']) {
      const text = `${reply} sundry other things`
      assert.equal(isHeldAgainstRecipient(judgeFailure({ text, class: 'hard' })), true, text)
    }
  })

  it('takes nothing from the words that a Cisco gateway puts before every reply', () => {
    const quoted = (reply: string) => ofText(`5.1.0 - Unknown address error ${reply}`)
    assert.equal(quoted("550-'5.7.0 user access deny.'"), 'policy receiver final')
    assert.equal(quoted("550-'5.1.1 no such user'"), 'unknown_recipient recipient final')
  })

  it('distinguishes a callout to the recipient from one to the sender', () => {
    assert.equal(ofText('550 Callout verification failed: 550 No such user'), 'unknown_recipient recipient final')
    assert.equal(
      ofText('550-Callout verification failed: 550 No such user 550 Sender verify failed'),
      'bad_sender sender final',
    )
  })

  it('reads the innermost quoted reply first', () => {
    const quoted = (inner: string) =>
      `550 5.1.1 <ada@example.com>: undeliverable address: host mx.example.com[192.0.2.1] said: ${inner} (in reply to RCPT TO command)`
    assert.equal(ofText(quoted('452 4.2.2 mailbox full')), 'mailbox_full recipient temporary')
    assert.equal(ofText(quoted('554 5.7.1 blocked using zen.spamhaus.org')), 'blocked_list sender final')
    assert.match(judgeFailure({ text: quoted('550 No such user') }).evidence ?? '', /^550 No such user/)
    assert.match(judgeFailure({ text: quoted('550 5.1.1 No such user') }).evidence ?? '', /^550 5\.1\.1 No such user/)
    assert.equal(ofText(quoted('550 5.7.1 see our site')), 'policy receiver final')
  })

  it('reads a reply of several lines as one', () => {
    const lines = '550-5.1.1 The email account that\r\n550-5.1.1 you tried to reach does\r\n550 5.1.1 not exist'
    assert.equal(ofText(lines), 'unknown_recipient recipient final')
    assert.equal(judgeFailure({ text: lines }).rule, 'text.unknown-user')
  })

  it('takes no part of an IP address or a size for a code', () => {
    assert.equal(ofText('host mx[46.5.1.20] gave no reason'), verdict({ text: 'host mx gave no reason' }))
    const fromAddress = { enhancedCode: '5.1.20', text: 'host mx[46.5.1.20] said: 554 5.7.1 refused' }
    assert.equal(verdict(fromAddress), 'policy receiver final')
    assert.equal(ofText('The message of 550 MB is too large'), 'too_large sender final')
  })

  it('hardly ever holds the sender’s, the receiver’s or the provider’s fault against the recipient', () => {
    const others = labelledFailures.filter(({ held, party }) => !held && party !== 'recipient')
    assert.ok(others.length > 150)
    const blamed = others.filter((row) => isHeldAgainstRecipient(judgeFailure(row)))
    assert.ok(blamed.length <= 0.005 * others.length, blamed.map(({ text }) => text).join('\n'))
  })

  it('counts only full and inactive mailboxes that may recover', () => {
    const counts = (text: string) => countsTowardsSuppression(judgeFailure({ text }))
    assert.equal(counts('452 4.2.2 Mailbox full'), true)
    assert.equal(counts('450 4.2.1 This mailbox is temporarily disabled'), true)
    assert.equal(counts('550 5.2.1 This mailbox is disabled'), false)
    assert.equal(counts('451 4.7.1 Greylisted'), false)
  })
})

describe('judgeBounce', () => {
  const hard = (code: string | null, message: string | null) => ({ class: 'hard' as const, code, message })

  it('judges by the stored columns', () => {
    assert.equal(suppressesRecipient(null), true)
    assert.equal(suppressesRecipient(hard('5.1.1', null)), true)
    assert.equal(suppressesRecipient(hard('5.7.26', 'Unauthenticated email is not accepted')), false)
    assert.equal(suppressesRecipient(hard(softBounceLimitCode, 'Soft bounces on 3 different days')), true)
    assert.equal(judgeBounce(hard(softBounceLimitCode, null)).rule, 'aftersend.soft-bounce-limit')
  })

  it('holds the addresses on a provider’s suppression list against the recipient, and unsubscribes against nobody', () => {
    const onList = ['Bounced Address', 'Spam Reporting Address', 'OnAccountSuppressionList']
    for (const message of onList) assert.equal(suppressesRecipient(hard(null, message)), true, message)
    assert.equal(suppressesRecipient(hard(null, 'Unsubscribed Address')), false)
  })

  it('counts a soft bounce by its reason', () => {
    const soft = (message: string | null) => ({ class: 'soft' as const, code: null, message })
    assert.equal(countsAsSoftBounce(soft('452 4.2.2 Mailbox full')), true)
    assert.equal(countsAsSoftBounce(soft('550 5.1.1 No such user')), true)
    assert.equal(countsAsSoftBounce(soft('451 4.7.1 Greylisted')), false)
    assert.equal(countsAsSoftBounce(soft(null)), false)
  })
})

describe('the rules of failures', () => {
  const rules = failureRules.flat()

  it('have IDs of their own, a source and a condition', () => {
    assert.equal(new Set(rules.map(({ id }) => id)).size, rules.length)
    for (const { id, source, word, text, line, enhanced, reply } of rules) {
      assert.ok(source.length > 3, id)
      assert.ok(word ?? text ?? line ?? enhanced ?? reply, id)
    }
  })

  it('see lower-case text, so that no pattern needs a capital', () => {
    for (const { id, word, text, line } of rules) {
      for (const pattern of [word, text, line]) {
        // \W, \S and the like are classes.
        assert.doesNotMatch((pattern?.source ?? '').replace(/\\[A-Z]/g, ''), /[A-Z]/, id)
      }
    }
  })
})

describe('every judgement', () => {
  const texts = fc.constantFrom(...labelledFailures.flatMap(({ text }) => text ?? []))
  const anyText = fc.oneof(texts, fc.string({ maxLength: 300 }), fc.string({ unit: 'grapheme', maxLength: 300 }))
  const evidence = fc.record({
    word: fc.option(fc.string()),
    subWord: fc.option(fc.string()),
    class: fc.constantFrom('hard' as const, 'soft' as const, null),
    enhancedCode: fc.option(fc.string()),
    replyCode: fc.option(fc.string()),
    text: fc.option(anyText),
    host: fc.option(fc.string()),
  })

  it('is made, whatever the evidence is', () => {
    fc.assert(
      fc.property(evidence, (any) => {
        const { reason, rule } = judgeFailure(any)
        assert.ok(reason in failureReasons && rule !== '')
      }),
    )
  })

  it('holds no email address', () => {
    fc.assert(
      fc.property(anyText, fc.emailAddress(), anyText, (before, address, after) => {
        const shown = judgeFailure({ text: `${before} <${address}> ${after}` }).evidence ?? ''
        assert.ok(!shown.includes(address) && !shown.includes('@'), shown)
      }),
    )
  })

  it('is the same in capitals, and with lines folded elsewhere', () => {
    fc.assert(
      fc.property(texts, fc.array(fc.nat(30), { minLength: 1, maxLength: 5 }), (text, gaps) => {
        const expected = verdict({ text })
        assert.equal(verdict({ text: text.toUpperCase() }), expected)
        let words = 0
        const folded = text.replace(/\s+/g, () => (gaps.includes(words++ % 31) ? '\r\n    ' : ' '))
        assert.equal(verdict({ text: folded }), expected)
      }),
    )
  })

  it('does not depend on the digits of an IP address or a size', () => {
    const digits = fc.tuple(fc.integer({ min: 1, max: 255 }), fc.nat(7), fc.nat(20), fc.nat(255))
    fc.assert(
      fc.property(digits, fc.constantFrom(421, 450, 550, 552, 554), (parts, size) => {
        const text = (ip: string, megabytes: number) => `host mx.example.com[${ip}] refused it at ${megabytes} MB`
        assert.equal(verdict({ text: text(parts.join('.'), size) }), verdict({ text: text('192.0.2.1', 7) }))
        assert.equal(
          verdict({ text: text(`5.${parts[1]}.${parts[2]}.9`, size) }),
          verdict({ text: text('192.0.2.1', 7) }),
        )
      }),
    )
  })

  it('takes milliseconds, however long the text is', () => {
    for (const piece of [
      'user ',
      'mailbox is ',
      'x@',
      'a.',
      '550 ',
      '5.1.1 ',
      'a'.repeat(500),
      'not ',
      '1.2.3.4 ',
      '(',
    ]) {
      const startedAt = performance.now()
      judgeFailure({ text: piece.repeat(20_000 / piece.length) })
      assert.ok(performance.now() - startedAt < 500, piece)
    }
  })
})
