import assert from 'node:assert/strict'
import fc from 'fast-check'
import { maxMailBytes } from '../../src/domain/mail-size.ts'
import { isMail, readMail, UnreadableMailError } from '../../src/mail/read-mail.ts'
import { eventsOf, statusMail, textMail } from './mails.ts'

const multipart = (...parts: readonly string[]): Buffer =>
  Buffer.from(
    `Content-Type: multipart/mixed; boundary=b\r\n\r\n${parts.map((part) => `--b\r\n${part}\r\n`).join('')}--b--\r\n`,
  )

describe('a whole mail', () => {
  it('is read with its encodings and charsets', async () => {
    const { parts, text, fields } = await readMail(
      Buffer.concat([
        Buffer.from('Subject: =?iso-8859-1?Q?Unzustellbar:_Gr=FC=DFe?=\r\n =?utf-8?B?IMOg?=\r\n'),
        multipart(
          'Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe,=\r\n Ada',
          'Content-Type: application/zip; name="report.zip"\r\nContent-Transfer-Encoding: base64\r\n\r\nUEsDBA==',
        ),
      ]),
    )
    assert.equal(text.trim(), 'Grüße, Ada')
    assert.equal(fields.first('subject'), 'Unzustellbar: Grüße à')
    const attached = parts.find(({ contentType }) => contentType === 'application/zip')
    assert.deepEqual([attached?.filename, attached?.content.toString('latin1')], ['report.zip', 'PK\u0003\u0004'])
  })

  it('that has HTML alone has its text', async () => {
    const html =
      '<html><head><title>x</title></head><p>&lt;ada@example.com&gt;:<br>550&nbsp;5.1.1 No such <b>user</b></p>'
    const { text } = await readMail(Buffer.from(`Content-Type: text/html\r\n\r\n${html}`))
    assert.equal(text.trim(), '<ada@example.com>:\n550 5.1.1 No such user')
  })

  it('is not split within the message that it returns', async () => {
    const inner = 'Content-Type: multipart/mixed; boundary=inner\r\n\r\n--inner\r\n\r\nsecret\r\n--inner--'
    const { parts, text } = await readMail(
      multipart('\r\nwords', `Content-Type: message/rfc822\r\nContent-Disposition: inline\r\n\r\n${inner}`),
    )
    assert.deepEqual(
      parts.map(({ contentType }) => contentType),
      ['text/plain', 'message/rfc822'],
    )
    assert.equal(text.trim(), 'words')
  })

  it('beyond the limits is refused with a typed error: parts, headers, bytes', async () => {
    const beyond = {
      parts: multipart(...Array.from({ length: 300 }, () => '\r\nx')),
      headers: Buffer.from(`${'X-Header: x\r\n'.repeat(20_000)}\r\nx`),
      depth: Buffer.from(
        Array.from({ length: 300 }, (_, n) => `Content-Type: multipart/mixed; boundary=b${n}\r\n\r\n--b${n}\r\n`).join(
          '',
        ),
      ),
      bytes: Buffer.concat([Buffer.from('Subject: x\r\n\r\n'), Buffer.alloc(maxMailBytes, 'x')]),
      none: Buffer.from('{"type":"delivered"}'),
    }
    for (const [what, raw] of Object.entries(beyond)) await assert.rejects(readMail(raw), UnreadableMailError, what)
    assert.deepEqual([isMail(beyond.none), isMail(Buffer.from('From a@b Sun Nov  1\nSubject: x\n\n'))], [false, true])
  })

  it('of 8 MiB is read in bounded time, and other work goes on meanwhile', async () => {
    const raw = Buffer.concat([Buffer.from('Subject: x\n\n'), Buffer.alloc(8 * 1_048_576, `${'x'.repeat(70)}\n`)])
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    const startedAt = performance.now()
    const { text } = await readMail(raw)
    clearInterval(timer)
    assert.ok(text.length <= 65_536)
    assert.ok(turns > 5, `${turns} turns`)
    assert.ok(performance.now() - startedAt < 10_000)
  })
})

describe('any bytes', () => {
  const pieces = fc.constantFrom(
    ...[
      'Content-Type: multipart/report; boundary=b\r\n',
      'Content-Type: message/delivery-status\n',
      '--b\n',
      '--b--\n',
      '\r\n\r\n',
    ],
    ...[
      'Final-Recipient: rfc822; ada@example.com\n',
      'Action: failed\n',
      'Status: 5.1.1\n',
      'From: MAILER-DAEMON\n',
      '<ada@example.com>:\n',
    ],
    ...[
      'Content-Transfer-Encoding: base64\n',
      'Content-Type: text/html; charset=x-unknown\n',
      'Subject: =?x?Q?=ZZ?=\n',
      '\u0000',
      '((((',
      '<<<<',
    ],
  )
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((made) => Buffer.from(made)),
    fc
      .array(fc.oneof(pieces, fc.string({ unit: 'binary', maxLength: 20 })), { maxLength: 25 })
      .map((made) => Buffer.from(`X: y\n${made.join('')}`)),
    fc.tuple(fc.nat(), fc.uint8Array({ maxLength: 20 })).map(([at, made]) => {
      const whole = statusMail({ diagnostic: '550 5.1.1 no such user' })
      const place = at % whole.length
      return Buffer.concat([whole.subarray(0, place), Buffer.from(made), whole.subarray(place)])
    }),
  )

  it('are read, or refused with a typed error; what is stored of them PostgreSQL can store', async () => {
    await fc.assert(
      fc.asyncProperty(bytes, async (raw) => {
        const events = await eventsOf(raw).catch((error) => {
          assert.ok(error instanceof UnreadableMailError, String(error))
          return []
        })
        for (const { id, emailId, recipient, subject, bounce, payload, occurredAt } of events) {
          for (const text of [id, emailId, recipient, subject, bounce?.message, bounce?.code, payload]) {
            assert.ok(!text || (!text.includes('\u0000') && text.isWellFormed() && !/\\u0000/.test(text)))
          }
          assert.ok(emailId !== '' && emailId.length <= 300 && Number.isFinite(occurredAt))
        }
      }),
      { numRuns: 300 },
    )
  })

  it('take milliseconds, however they repeat themselves', async () => {
    const repeated = [
      '<a@b>:\n',
      'a@',
      '550 5.1.1 ',
      '--b\n',
      '<p>',
      'Message-ID: <x@y>\n',
      '> ',
      '(reason: ',
      ' '.repeat(50),
      'to: ',
      'message ',
      '=3D',
    ]
    for (const piece of repeated) {
      const startedAt = performance.now()
      await eventsOf(textMail(piece.repeat(60_000 / piece.length)))
      await eventsOf(textMail(`This is the mail system at host x.\n\n${piece.repeat(60_000 / piece.length)}`))
      assert.ok(performance.now() - startedAt < 4_000, piece)
    }
  })
})

describe('the same mail', () => {
  const original = statusMail({
    diagnostic: '550 5.1.1 <ada@example.com> no such user',
    remoteMta: 'mx.example.com',
    text: 'Sorry.',
  })
  const names = /^(?:[A-Za-z-]+)(?=:)/gm

  it('means the same with CRLF or LF, in whatever case its names are, and however its fields are folded', async () => {
    const expected = await eventsOf(original)
    assert.equal(expected.length, 1)
    const forms = fc.record({
      lineEnd: fc.constantFrom('\n', '\r\n'),
      upper: fc.boolean(),
      fold: fc.constantFrom('', ' ', '\t', '    '),
    })
    await fc.assert(
      fc.asyncProperty(forms, async ({ lineEnd, upper, fold }) => {
        const renamed = original.toString().replace(names, (name) => (upper ? name.toUpperCase() : name.toLowerCase()))
        const folded = fold === '' ? renamed : renamed.replace(/^(diagnostic-code: smtp;)/im, `$1\n${fold}`)
        assert.deepEqual(await eventsOf(Buffer.from(folded.replaceAll('\n', lineEnd))), expected)
      }),
      { numRuns: 20 },
    )
  })

  it('is the same event whichever servers it passed', async () => {
    const [event] = await eventsOf(original)
    const passed = Buffer.concat([
      Buffer.from(
        'Delivered-To: bounces@app.example.com\nReceived: from a by b; Sun, 1 Nov 2026 10:00:01 +0000\nX-Spam: no\n',
      ),
      original,
    ])
    assert.equal((await eventsOf(passed))[0]?.id, event?.id)
    const later = Buffer.from(original.toString().replace('10:00:00', '12:00:00'))
    assert.notEqual((await eventsOf(later))[0]?.id, event?.id)
  })
})
