/** What is read in the samples that other readers of bounces publish, and in the labelled failures as whole mails. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isHeldAgainstRecipient } from '../../src/domain/failure.ts'
import { statusCodeIn } from '../../src/domain/failure-text.ts'
import { judgeBounce } from '../../src/domain/judge-bounce.ts'
import { judgeFailure } from '../../src/domain/judge-failure.ts'
import type { RecipientOutcome } from '../../src/mail/mail-report.ts'
import { mayBeDmarcReport, readMail } from '../../src/mail/read-mail.ts'
import { type LabelledFailure, labelledFailures } from '../domain/labelled-failures.ts'
import { eventsOf, fixture, reportOf, statusMail, textMail } from './mails.ts'

const outcomesOf = async (raw: Buffer): Promise<readonly RecipientOutcome[]> => {
  const report = await reportOf(raw)
  return report?.kind === 'delivery' ? report.outcomes : []
}

const shown = ({ action, original, final, status }: RecipientOutcome) =>
  `${action} ${original ?? '–'} ${final ?? '–'} ${status ?? '–'}`

describe('the samples of email-bounce-parser', () => {
  interface Sample {
    readonly file: string
    readonly text: string
    readonly recipient: string | null
    readonly code: string | null
  }
  const samples = fixture('email-bounce-parser.jsonl')
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Sample)
  const read = async ({ text }: Sample) => outcomesOf(textMail(text, ['Subject: Undelivered Mail Returned to Sender']))

  it('are read as failures of the recipient that they expect, all of them', async () => {
    const bounces = samples.filter(({ recipient }) => recipient !== null)
    assert.equal(bounces.length, 109)
    for (const sample of bounces) {
      const [outcome, ...others] = await read(sample)
      assert.deepEqual([outcome?.final, others.length], [sample.recipient?.toLowerCase(), 0], sample.file)
    }
  })

  it('have the code that they expect, but for three replies without an enhanced code', async () => {
    const different: string[] = []
    for (const sample of samples) {
      const [outcome] = await read(sample)
      if (statusCodeIn(outcome?.reply ?? '') !== sample.code) different.push(sample.file)
    }
    assert.deepEqual(different, [
      '550_no_such_recipient_variant_5.txt',
      '552_no_such_recipient.txt',
      '554_no_such_recipient.txt',
    ])
  })

  it('are judged as the replies in them are', async () => {
    const rows = labelledFailures.filter(({ source }) => source.startsWith('crisp-oss/email-bounce-parser'))
    assert.equal(rows.length, 97)
    for (const row of rows) {
      const sample = samples.find(({ file }) => row.source.endsWith(`/${file}`))
      assert.ok(sample, row.source)
      const [outcome] = await read(sample)
      const { reason, party } = judgeFailure({ text: outcome?.reply ?? null })
      assert.deepEqual([reason, party], [row.reason, row.party], row.source)
    }
  })
})

describe('the samples of KumoMTA', () => {
  const expected: Readonly<Record<string, string>> = {
    'rfc3464-1': 'failed louisl@larry.slip.umd.edu louisl@larry.slip.umd.edu 4.0.0',
    'rfc3464-2': [
      'failed arathib@vnet.ibm.com arathib@vnet.ibm.com 5.0.0',
      'delayed johnh@hpnjld.njd.hp.com johnh@hpnjld.njd.hp.com 4.0.0',
      'failed wsnell@sdcc13.ucsd.edu wsnell@sdcc13.ucsd.edu 5.0.0',
    ].join(', '),
    'rfc3464-3': 'failed – – 5.0.0',
    'rfc3464-4': 'delayed – thomas@de-montfort.ac.uk 4.0.0',
    'rfc3464-5': 'failed recipient@domain.com recipient@domain.com 5.0.0',
    'rfc3464-6': 'failed redacted@example.com redacted@example.com 5.0.0',
    'rfc3464-obsolete_arrival_date': 'failed user@example.com user@example.com 5.1.1',
  }
  const complaints: Readonly<Record<string, string | null>> = {
    'rfc5965-1': null,
    'rfc5965-2': 'user@example.com',
    'rfc5965-3': 'user@example.com',
    'rfc5965-4': 'cb4a01a48251d4765f489076aa81e2a4@comcast.net',
  }

  it('are all tested', () => {
    const files = readdirSync(fileURLToPath(new URL('fixtures/kumomta', import.meta.url)))
    assert.deepEqual(
      files.toSorted(),
      Object.keys({ ...expected, ...complaints })
        .map((name) => `${name}.eml`)
        .toSorted(),
    )
  })

  for (const [name, outcomes] of Object.entries(expected)) {
    it(`of RFC 3464 are read as what became of each recipient: ${name}`, async () => {
      assert.equal((await outcomesOf(fixture(`kumomta/${name}.eml`))).map(shown).join(', '), outcomes)
    })
  }

  for (const [name, recipient] of Object.entries(complaints)) {
    it(`of RFC 5965 are read as complaints: ${name}`, async () => {
      const report = await reportOf(fixture(`kumomta/${name}.eml`))
      assert.ok(report?.kind === 'feedback')
      assert.deepEqual([report.report.feedback, report.report.recipient], ['complained', recipient])
    })
  }

  it('have the words of Postfix beside the status, which say at which step the receiver refused', async () => {
    const [event] = await eventsOf(fixture('kumomta/rfc3464-5.eml'), { returnPathId: 'em_1' })
    assert.match(
      event?.bounce?.message ?? '',
      /552 <recipient@domain.com> rejected: over quota \(in reply to RCPT TO command\)/,
    )
    assert.deepEqual([judgeBounce(event?.bounce ?? null).reason, event?.bounce?.code], ['mailbox_full', '552'])
  })
})

describe('the samples of parsedmarc', () => {
  it('of failed authentication are about no person, so that they report nothing', async () => {
    for (const name of ['sharepoint', 'linkedin', 'linkedin-crlf', 'netease']) {
      const mail = await readMail(fixture(`parsedmarc/${name}.eml`))
      assert.ok(
        mail.parts.some(({ contentType }) => contentType === 'message/feedback-report'),
        name,
      )
      assert.equal(await reportOf(fixture(`parsedmarc/${name}.eml`)), null, name)
    }
    assert.deepEqual(await eventsOf(fixture('parsedmarc/exim.eml')), [])
  })

  it('of aggregate reports hand on their attachments, which are not damaged', async () => {
    const kinds = { 'aggregate-zip': [0x50, 0x4b], 'aggregate-gzip': [0x1f, 0x8b] }
    for (const [name, start] of Object.entries(kinds)) {
      const { parts } = await readMail(fixture(`parsedmarc/${name}.eml`))
      const [attachment, ...others] = parts.filter(mayBeDmarcReport)
      assert.deepEqual([[...(attachment?.content.subarray(0, 2) ?? [])], others.length], [start, 0], name)
      assert.equal(await reportOf(fixture(`parsedmarc/${name}.eml`)), null, name)
    }
  })
})

describe('the labelled failures as whole mails', () => {
  const digitOf = ({ text = '' }: LabelledFailure) => ((statusCodeIn(text ?? '') ?? '5').startsWith('4') ? 4 : 5)
  /** As a server writes what it was answered: the status of the reply, and the reply in one field. */
  const asStatus = (row: LabelledFailure) =>
    statusMail({
      status: row.enhancedCode ?? `${digitOf(row)}.0.0`,
      diagnostic: (row.text ?? '').replace(/\s+/g, ' ').trim(),
      remoteMta: row.host ?? '',
    })
  const rows = labelledFailures.filter(({ text, word }) => text && !word)

  it('have the same reason, party and suppression as their replies', async () => {
    assert.ok(rows.length > 900, `${rows.length}`)
    const different: string[] = []
    for (const row of rows) {
      const [event] = await eventsOf(asStatus(row))
      assert.ok(event?.bounce, row.text ?? '')
      const [whole, alone] = [judgeBounce(event.bounce), judgeFailure(row)]
      const isSame = whole.reason === alone.reason && whole.party === alone.party
      if (!isSame || (whole.outcome === 'bounced') !== isHeldAgainstRecipient(alone)) {
        different.push(`${alone.reason}/${alone.party} → ${whole.reason}/${whole.party}/${whole.outcome}: ${row.text}`)
      }
    }
    assert.deepEqual(different, [])
  })
})
