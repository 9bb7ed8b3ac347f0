import assert from 'node:assert/strict'
import { type FailureParty, failureReasons } from '../../src/domain/failure.ts'
import { judgeFailure } from '../../src/domain/judge-failure.ts'
import { isOfSenderDomain, refusalAdvice, senderDomainIn } from '../../src/domain/refusal-advice.ts'
import { levelOfRefusals, type Refusals, refusalFindings, refusalScopeLabel } from '../../src/domain/refusal-policy.ts'

const policy = { refusalRate: 0.1, minimumRefusals: 5 }

/** Google's reply, as a judgement quotes it. */
const googleReply =
  judgeFailure({
    text:
      "550-5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy. Please contact the administrator " +
      'of example.com domain if this was a legitimate mail, sent to ada@gmail.com. d2e1a72fcca58-1 - gsmtp',
  }).evidence ?? ''

describe('the policy on refusals', () => {
  const level = (refused: number, settled: number) => levelOfRefusals({ refused, settled }, policy)

  it('raises above the limit from a minimum on, and clears below four fifths of it or half of the minimum', () => {
    assert.deepEqual([level(5, 40), level(4, 4), level(5, 5)], ['raised', 'held', 'raised'])
    assert.deepEqual([level(10, 100), level(9, 100), level(7, 100)], ['held', 'held', 'clear'])
    assert.deepEqual([level(3, 3), level(2, 2), level(0, 0)], ['held', 'clear', 'clear'])
  })

  const refusals: Refusals = { reason: 'authentication', at: 'gmail', refused: 38, settled: 40, reply: googleReply }

  it('names numbers, mailbox provider, cause, what to do, and the reply without addresses', () => {
    const [finding] = refusalFindings([refusals], policy)
    assert.ok(finding)
    const { reason, scope, level: found, detail } = finding
    assert.deepEqual([reason, scope, found], ['sender_refused', 'authentication/gmail', 'raised'])
    assert.match(
      detail,
      /^38 of 40 emails to Gmail within an hour were refused: DMARC\. Fix SPF, DKIM and DMARC of example\.com: /,
    )
    assert.match(detail, / The last reply: “550-5\.7\.26 Unauthenticated email from example\.com /)
    assert.ok(!detail.includes('ada'))
  })

  it('says so without a reply, for unknown mailbox providers, and for the email provider', () => {
    const details = (some: Partial<Refusals>) => refusalFindings([{ ...refusals, ...some }], policy)[0]?.detail ?? ''
    assert.equal(
      details({ at: 'other', reply: null }),
      '38 of 40 emails to other mailbox providers within an hour were refused: authentication failed. ' +
        'Fix SPF, DKIM and DMARC of your sending domain: both must pass, and one must match the domain of the From address.',
    )
    assert.match(
      details({ reason: 'provider_refused', at: 'sendgrid', reply: null }),
      /^38 of 40 emails through sendgrid within an hour were refused: refused by the provider\. Check quota/,
    )
  })

  it('quotes a reply in part, and no address even where one has slipped in', () => {
    const [finding] = refusalFindings([{ ...refusals, reply: `no ada@example.org ${'x'.repeat(5_000)}` }], policy)
    assert.ok(finding)
    assert.ok(finding.detail.length < 500)
    assert.ok(!finding.detail.includes('ada'))
  })

  it('has a scope that names no address and is legible', () => {
    assert.equal(refusalScopeLabel('authentication/gmail'), 'Gmail (authentication failed)')
    assert.equal(refusalScopeLabel('provider_refused/sendgrid'), 'sendgrid (refused by the provider)')
  })
})

describe('the advice on refusals', () => {
  it('is one sentence for each reason whose party is the sender or the provider', () => {
    const reasons = (Object.keys(failureReasons) as (keyof typeof failureReasons)[]).filter((reason) =>
      ['sender', 'provider'].includes(failureReasons[reason]),
    )
    for (const reason of reasons) assert.match(refusalAdvice(reason, 'example.com'), /^[A-Z][^{}]+\.$/, reason)
    const own = reasons.filter((reason) => refusalAdvice(reason, null) !== refusalAdvice('unknown', null))
    assert.deepEqual(
      reasons.filter((reason) => !own.includes(reason)),
      ['unsubscribed'],
    )
  })

  it('finds the sender’s domain where replies name it, and nowhere else', () => {
    const replies = {
      [googleReply]: 'example.com',
      '550 5.7.515 Access denied, sending domain EXAMPLE.COM does not meet the required authentication level.':
        'example.com',
      '550 5.7.509 Access denied, sending domain [example.com] does not pass DMARC verification': 'example.com',
      '421-4.7.30 DKIM = did not pass SPF [mail.example.com] with ip: [192.0.2.1] = did not pass': 'mail.example.com',
      '550 5.7.1 Sender domain example.com not found': 'example.com',
      '550 5.7.1 Service unavailable; client host [192.0.2.1] blocked using zen.spamhaus.org': null,
      '554 Message not allowed - see https://help.example.net/errors': null,
      '550 5.7.26 SPF [192.0.2.1] did not pass': null,
    }
    for (const [reply, domain] of Object.entries(replies)) assert.equal(senderDomainIn(reply), domain, reply)
    assert.equal(senderDomainIn(null), null)
  })

  it('leads to the sender’s domain for what is refused for it, not for contents, volume or recipients', () => {
    const all = Object.entries(failureReasons) as [keyof typeof failureReasons, FailureParty][]
    assert.deepEqual(
      all.filter(([reason, party]) => isOfSenderDomain({ reason, party })).map(([reason]) => reason),
      ['blocked_reputation', 'blocked_list', 'authentication', 'bad_sender'],
    )
    assert.ok(!isOfSenderDomain({ reason: 'authentication', party: 'provider' }))
  })
})
