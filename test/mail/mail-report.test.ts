import assert from 'node:assert/strict'
import { reportOf, statusMail, textMail } from './mails.ts'

const copy = ['Message-ID: <sent-1@app.example.com>', 'To: ada@example.com', 'Subject: Hello'].join('\n')

/** Each as the server writes it: its text, and what must be read. */
const forms: Readonly<
  Record<
    string,
    { readonly text: string; readonly headers?: readonly string[]; readonly outcome: string; readonly reply: RegExp }
  >
> = {
  qmail: {
    text: `Hi. This is the qmail-send program at mx.example.net.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<ada@example.com>:\n192.0.2.1 does not like recipient.\nRemote host said: 550 5.1.1 No such user\nGiving up on 192.0.2.1.\n\n--- Below this line is a copy of the message.\n\nReturn-Path: <bounces@app.example.com>\n${copy}\n`,
    outcome: 'failed ada@example.com',
    reply: /^192\.0\.2\.1 does not like recipient\. Remote host said: 550 5\.1\.1 No such user Giving up/,
  },
  'Exim, of two recipients': {
    text: `This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  ada@example.com\n    host mx.example.com [192.0.2.1]\n    SMTP error from remote mail server after RCPT TO:<ada@example.com>:\n    550 5.1.1 No such user\n  bob@example.org\n    mailbox is full: retry timeout exceeded\n\n------ This is a copy of the message, including all the headers. ------\n\n${copy}\n`,
    headers: ['X-Failed-Recipients: ada@example.com, bob@example.org', 'Auto-Submitted: auto-replied'],
    outcome: 'failed ada@example.com, failed bob@example.org',
    reply: /after RCPT TO:<ada@example\.com>: 550 5\.1\.1 No such user$/,
  },
  'Exim, while it still tries': {
    text: `This message was created automatically by mail delivery software.\nA message that you sent has not yet been delivered to one or more of its\nrecipients after more than 24 hours on the queue on mx.example.net.\n\nThe address to which the message has not yet been delivered is:\n\n  ada@example.com\n    Delay reason: connection timed out\n\nNo action is required on your part. Delivery attempts will continue for\nsome time.\n\n${copy}\n`,
    headers: ['Subject: Warning: message 1a2b delayed 24 hours'],
    outcome: 'delayed ada@example.com',
    reply: /Delay reason: connection timed out/,
  },
  'Postfix without a report part': {
    text: `This is the mail system at host mx.example.net.\n\nI'm sorry to have to inform you that your message could not\nbe delivered to one or more recipients. It's attached below.\n\n                   The mail system\n\n<ada@example.com>: host mx.example.com[192.0.2.1] said: 550 5.1.1\n    <ada@example.com>: Recipient address rejected: User unknown (in reply to\n    RCPT TO command)\n`,
    outcome: 'failed ada@example.com',
    reply:
      /^host mx\.example\.com\[192\.0\.2\.1\] said: 550 5\.1\.1 <ada@example\.com>: Recipient .* \(in reply to RCPT TO command\)$/,
  },
  sendmail: {
    text: `The original message was received at Sun, 1 Nov 2026 10:00:00 GMT\nfrom localhost\n\n   ----- The following addresses had permanent fatal errors -----\n<ada@example.com>\n    (reason: 550 5.1.1 No such user)\n\n   ----- Transcript of session follows -----\n... while talking to mx.example.com.:\n>>> DATA\n<<< 550 5.1.1 No such user\n550 5.1.1 <ada@example.com>... User unknown\n<<< 503 5.5.1 Need RCPT\n\n   ----- Original message follows -----\n\n${copy}\n`,
    headers: ['Subject: Returned mail: see transcript for details'],
    outcome: 'failed ada@example.com',
    reply: /^550 5\.1\.1 No such user$/,
  },
  'Exchange Online': {
    text: `Delivery has failed to these recipients or groups:\n\nada@example.com<mailto:ada@example.com>\nThe email address you entered couldn't be found. Please check the address and try again.\n\nDiagnostic information for administrators:\n\nGenerating server: X.prod.outlook.com\n\nada@example.com\nRemote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup'\n\nOriginal message headers:\n\n${copy}\n`,
    headers: ['From: Microsoft Outlook <postmaster@example.com>', 'Subject: Undeliverable: Hello'],
    outcome: 'failed ada@example.com',
    reply: /550 5\.1\.10 RESOLVER\.ADR\.RecipientNotFound/,
  },
  'Exchange 5.5': {
    text: `Your message\n\n  To:      list@app.example.com\n  Subject: Hello\n  Sent:    Sun, 1 Nov 2026 10:00:00\n\ndid not reach the following recipient(s):\n\nada@example.com on Sun, 1 Nov 2026 10:00:01\n    The recipient name is not recognized\n`,
    headers: ['From: System Administrator <postmaster@example.com>', 'Subject: Undeliverable: Hello'],
    outcome: 'failed ada@example.com',
    reply: /recipient name is not recognized/,
  },
  'Gmail, before 2015': {
    text: `Delivery to the following recipient failed permanently:\n\n     ada@example.com\n\nTechnical details of permanent failure:\nGoogle tried to deliver your message, but it was rejected by the recipient domain. The error that the other server returned was: 550 550 5.1.1 No such user (state 14).\n\n----- Original message -----\n\n${copy}\n`,
    outcome: 'failed ada@example.com',
    reply: /550 5\.1\.1 No such user/,
  },
  Yahoo: {
    text: `Message from yahoo.com.\nUnable to deliver message to the following address(es).\n\n<ada@yahoo.com>:\nThis user doesn't have a yahoo.com account (ada@yahoo.com) [0]\n\n--- Original message follows.\n\n${copy}\n`,
    outcome: 'failed ada@yahoo.com',
    reply: /^This user doesn't have a yahoo\.com account/,
  },
}

describe('a bounce without a standard', () => {
  for (const [form, { text, headers = [], outcome, reply }] of Object.entries(forms)) {
    it(`is read in the form of ${form}`, async () => {
      const report = await reportOf(textMail(text, headers))
      assert.ok(report?.kind === 'delivery')
      assert.equal(report.outcomes.map(({ action, final }) => `${action} ${final}`).join(', '), outcome)
      assert.match(report.outcomes[0]?.reply ?? '', reply)
      if (text.includes(copy)) assert.deepEqual(report.email.messageIds, ['sent-1@app.example.com'])
    })
  }

  it('is none where a person writes about a failed delivery', async () => {
    const letter =
      'Hello,\n\nthe message of yesterday could not be delivered to <ada@example.com>: 550 5.1.1 No such user. Why?\n'
    assert.equal(await reportOf(textMail(letter, ['From: Bob <bob@example.org>', 'Subject: A question'])), null)
  })
})

describe('a delivery status notification', () => {
  const outcomeIn = async (raw: Buffer) => {
    const report = await reportOf(raw)
    return report?.kind === 'delivery' ? report.outcomes[0] : undefined
  }

  it('names international addresses in the forms of RFC 6533, and those that xtext escapes', async () => {
    const field = (value: string) =>
      Buffer.from(
        statusMail().toString().replace('Final-Recipient: rfc822; ada@example.com', `Final-Recipient: ${value}`),
      )
    assert.equal((await outcomeIn(field('utf-8; p\\x{E9}ter@example.com')))?.final, 'péter@example.com')
    assert.equal((await outcomeIn(field('utf-8; péter@bücher.example')))?.final, 'péter@xn--bcher-kva.example')
    assert.equal((await outcomeIn(field('rfc822; ada+40example.com')))?.final, 'ada@example.com')
    assert.equal((await outcomeIn(field('RFC822;<Ada@EXAMPLE.com>')))?.final, 'ada@example.com')
    assert.equal((await outcomeIn(field('rfc822; ada+40tag@example.com')))?.final, 'ada+40tag@example.com')
  })

  it('that names no address is about the only recipient of the message that it returns', async () => {
    const raw = Buffer.from(statusMail().toString().replace('rfc822; ada@example.com', 'unknown; ada'))
    assert.equal((await outcomeIn(raw))?.final, 'ada@example.com')
  })

  it('has an action by its status where its word is not of the standard', async () => {
    for (const [action, status, expected] of [
      ['error', '5.1.1', 'failed'],
      ['pending', '4.4.1', 'delayed'],
      ['ok', '2.0.0', 'delivered'],
      ['FAILED (expired)', '4.4.7', 'failed'],
    ] as const) {
      assert.equal((await outcomeIn(statusMail({ action, status })))?.action, expected, action)
    }
  })

  it('names the email by the returned message, its envelope ID, and what it answers, in this order', async () => {
    const raw = statusMail({
      headers: ['In-Reply-To: <answered@app.example.com>', 'References: <first@x.example> <answered@app.example.com>'],
    })
    const named = Buffer.from(
      raw.toString().replace('Reporting-MTA:', 'Original-Envelope-Id: envelope-1\nReporting-MTA:'),
    )
    const report = await reportOf(named)
    assert.deepEqual(report?.email.messageIds, [
      'sent-1@app.example.com',
      'answered@app.example.com',
      'first@x.example',
    ])
    assert.equal(report?.email.envelopeId, 'envelope-1')
  })
})

describe('a feedback report', () => {
  const feedback = (
    fields: readonly string[],
    returned: readonly string[] = ['Message-ID: <sent-1@app.example.com>', 'To: ada@example.com'],
  ) =>
    Buffer.from(
      [
        ...[
          'From: staff@example.net',
          'Subject: complaint about message from 192.0.2.1',
          'Content-Type: multipart/report; report-type=feedback-report; boundary=b',
          '',
        ],
        ...(fields.length === 0 ? [] : ['--b', 'Content-Type: message/feedback-report', '', ...fields, '']),
        ...['--b', 'Content-Type: message/rfc822', '', ...returned, '', 'x', '--b--', ''],
      ].join('\r\n'),
    )

  it('is a complaint, an unsubscription, or about no person, by its type', async () => {
    const kinds = {
      abuse: 'complained',
      Fraud: 'complained',
      'opt-out': 'unsubscribed',
      'not-spam': null,
      virus: null,
      'auth-failure': null,
    }
    for (const [type, expected] of Object.entries(kinds)) {
      const report = await reportOf(
        feedback([`Feedback-Type: ${type}`, 'Version: 1', 'Original-Rcpt-To: <ada@example.com>']),
      )
      assert.equal(report?.kind === 'feedback' ? report.report.feedback : null, expected, type)
    }
  })

  it('of Hotmail has no report part, and names the complainant in a field of its own', async () => {
    const report = await reportOf(
      feedback([], ['X-HmXmrOriginalRecipient: <ada@hotmail.com>', 'Message-ID: <sent-1@app.example.com>']),
    )
    assert.ok(report?.kind === 'feedback')
    assert.deepEqual([report.report.feedback, report.report.recipient], ['complained', 'ada@hotmail.com'])
    assert.deepEqual(report.email.messageIds, ['sent-1@app.example.com'])
  })
})

describe('an automatic reply', () => {
  const reply = (...headers: readonly string[]) =>
    textMail('I am away.', ['From: Ada <ada@example.com>', 'In-Reply-To: <sent-1@app.example.com>', ...headers])
  const kindOf = async (raw: Buffer) => (await reportOf(raw))?.kind ?? null

  it('is known by the fields that servers set, and by the words of its subject in many languages', async () => {
    const marked = [
      'Auto-Submitted: auto-replied',
      'Auto-Submitted: auto-replied; owner-email="a@b"',
      'X-Autoreply: yes',
      'X-Autorespond: x',
      'Precedence: auto_reply',
    ]
    for (const header of marked)
      assert.equal(await kindOf(reply('Subject: Re: Hello', header)), 'automatic_reply', header)
    const subjects = [
      ...[
        'Automatic reply: Hello',
        'Out of Office: Hello',
        'Automatische Antwort: Hello',
        'Abwesenheitsnotiz: Hello',
        'Réponse automatique : Hello',
      ],
      ...[
        'Respuesta automática: Hello',
        'Risposta automatica: Hello',
        'Resposta automática: Hello',
        'Automatisch antwoord: Hello',
      ],
      ...[
        'Autosvar: Hello',
        'Odpowiedź automatyczna: Hello',
        'Автоматический ответ: Hello',
        '自動返信: Hello',
        '自动回复: Hello',
      ],
    ]
    for (const subject of subjects) assert.equal(await kindOf(reply(`Subject: ${subject}`)), 'automatic_reply', subject)
  })

  it('is none where a person answers, a list writes, or a program writes by itself', async () => {
    for (const header of [
      'Subject: Re: Hello',
      'Subject: Re: our automatic reply',
      'Precedence: bulk',
      'Auto-Submitted: auto-generated',
      'Auto-Submitted: no',
    ])
      assert.equal(
        await kindOf(reply(...(header.startsWith('Subject') ? [header] : ['Subject: Re: Hello', header]))),
        null,
        header,
      )
  })
})
