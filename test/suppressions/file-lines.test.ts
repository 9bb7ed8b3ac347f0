import assert from 'node:assert/strict'
import { stringify } from 'csv-stringify/sync'
import fc from 'fast-check'
import { type FileFormat, type FileLine, readLines } from '../../src/suppressions/file-lines.ts'

async function linesOf(content: string | Buffer, format: FileFormat = 'csv', chunkSize = 65_536) {
  const bytes = Buffer.from(content)
  const chunks = async function* () {
    for (let at = 0; at < bytes.length; at += chunkSize) yield bytes.subarray(at, at + chunkSize)
  }
  const lines: FileLine[] = []
  for await (const line of readLines(chunks(), format)) lines.push(line)
  return lines
}

/** `address: reason` of each line, else why it is none. */
const read = async (content: string | Buffer, format: FileFormat = 'csv') =>
  (await linesOf(content, format)).map((line) => {
    if ('address' in line) return `${line.address}: ${line.reason}`
    return 'skipped' in line ? `${line.line} skipped: ${line.skipped}` : `${line.line}: ${line.mistake}`
  })

describe('the lines of a CSV file', () => {
  it('are split at one delimiter of the file, so that the others may stand in cells', async () => {
    const semicolons =
      'Name;E-Mail;Reason\nLovelace, Ada;ada@example.com;complaint\nHopper, Grace;grace@example.com;hard_bounce\n'
    assert.deepEqual(await read(semicolons), ['ada@example.com: complaint', 'grace@example.com: hard_bounce'])
    const tabs = 'Name\tE-Mail\nLovelace, Ada; really\tada@example.com\n'
    assert.deepEqual(await read(tabs), ['ada@example.com: manual'])
    const commas = 'email,name\nada@example.com,Ada; of London\tand Bath\n'
    assert.deepEqual(await read(commas), ['ada@example.com: manual'])
  })

  it('may begin with a hint at the delimiter and a byte order mark', async () => {
    const hinted = 'sep=;\r\nName;E-Mail\r\nAda;ada@example.com\r\nGrace;grace@example.com\r\n'
    const expected = ['ada@example.com: manual', 'grace@example.com: manual']
    assert.deepEqual(await read(hinted), expected)
    assert.deepEqual(await read(`\ufeff${hinted}`), expected)
    assert.deepEqual(await read('sep=|\nName|E-Mail\nAda, B;C|ada@example.com\n'), ['ada@example.com: manual'])
    const utf16 = Buffer.concat([
      Buffer.from([0xff, 0xfe]),
      Buffer.from('Name\tE-Mail\r\nÄda\tada@example.com\r\n', 'utf16le'),
    ])
    assert.deepEqual(await read(utf16), ['ada@example.com: manual'])
  })

  it('have quoted cells with delimiters, quotes and line breaks', async () => {
    const text = 'Name;Email;Note\n"Ada; ""the"" first\nand only";ada@x.com;"a;b\r\nc"\nBob;bob@x.com;\n'
    assert.deepEqual(await read(text), ['ada@x.com: manual', 'bob@x.com: manual'])
  })

  it('without a header have the address in the only column that holds one', async () => {
    assert.deepEqual(await read('Ada,ada@x.com,complaint\nBob,bob@x.com,BOUNCE\n'), [
      'ada@x.com: complaint',
      'bob@x.com: hard_bounce',
    ])
    assert.deepEqual(await read('ada@x.com\nnobody\nbob@x.com\n'), [
      'ada@x.com: manual',
      '2: has no valid email address',
      'bob@x.com: manual',
    ])
    const several = '1: has several addresses: name the column of addresses `address`'
    assert.deepEqual(await read('a@x.com,b@x.com\n'), [several])
  })

  it('never take a name for an address, nor an address within a sentence or beside another', async () => {
    const text =
      'name,email\nada@home,nobody\nBob,"a@x.com, b@x.com"\nCarol,carol@x.com was not found\n"Dan <dan@x.com>",x\n'
    assert.deepEqual(await read(text), [
      '2: has no valid email address',
      '3: has several email addresses: write one in a line',
      '4: has no valid email address',
      '5: has no valid email address',
    ])
  })

  it('with a shifted column suppress nobody else', async () => {
    const text = [
      'status,reason,email,created',
      '5.1.1,550 unknown,eve@x.com,bob@x.com,1764300001',
      '5.1.1,bob@x.com,eve@x.com',
      '5.1.1,550 5.1.1 unknown, really,carol@x.com,1764300001',
      '5.1.1,550 5.1.1 unknown,dan@x.com',
      '5.1.1,550 5.1.1 unknown,fay@x.com,1764300001,,',
    ].join('\n')
    assert.deepEqual(await read(text), [
      '2: has 5 cells, the header 4: put cells that contain the delimiter in quotes',
      '3: has 3 cells, the header 4: put cells that contain the delimiter in quotes',
      '4: has no valid email address',
      'dan@x.com: hard_bounce',
      'fay@x.com: hard_bounce',
    ])
    assert.deepEqual(await read('email,reason\na@x.com,550 no, try b@x.com,c@x.com\n'), ['a@x.com: manual'])
  })

  it('report what is not understood for each line, and go on', async () => {
    const text = 'Suppression list of 1 May\n\nemail,reason\nnobody,complaint\nada@x.com,tired of it\n'
    assert.deepEqual(await read(text), [
      '1: has no valid email address',
      '4: has no valid email address',
      'ada@x.com: manual',
    ])
  })

  describe('of providers', () => {
    const lists: Record<string, [string, string[]]> = {
      // sendgrid/docs#5177 and public importers: the reason is not quoted where it holds no comma.
      'SendGrid: bounces': [
        'status,reason,email,created\n' +
          '5.1.10,550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient ada@example.com not found by SMTP address lookup,ada@example.com,1764300000\n' +
          '5.1.1,"550 5.1.1 unknown, really",bob@example.com,1764300001\n' +
          '5.4.1,550 5.4.1 Access denied; AS(1),carol@example.com,1764300002\n',
        ['ada@example.com: hard_bounce', 'bob@example.com: hard_bounce', 'carol@example.com: hard_bounce'],
      ],
      'SendGrid: invalid emails': [
        'reason,email,created\nMail domain mentioned in email address is unknown,ada@exampel.com,1764300000\n',
        ['ada@exampel.com: hard_bounce'],
      ],
      'SendGrid: spam reports': [
        'ip,email,created\n192.0.2.1,ada@example.com,1764300000\n',
        ['ada@example.com: complaint'],
      ],
      'SendGrid: unsubscribes': ['email,created\nada@example.com,1764300000\n', ['ada@example.com: manual']],
      'Postmark: suppressions': [
        'EmailAddress,SuppressionReason,Origin,CreatedAt\na@x.com,HardBounce,Recipient,2019-12-17T08:58:33-05:00\n' +
          'b@x.com,SpamComplaint,Recipient,2019-12-17T08:58:33-05:00\nc@x.com,ManualSuppression,Customer,2019-12-17T08:58:33-05:00\n',
        ['a@x.com: hard_bounce', 'b@x.com: complaint', 'c@x.com: manual'],
      ],
      'Mailgun: bounces': [
        'address,code,error,created_at\na@x.com,550,"550 5.1.1 no such user; b@x.com","Tue, 07 Jan 2025 19:25:45 UTC"\n',
        ['a@x.com: hard_bounce'],
      ],
      'Mailgun: unsubscribes': [
        'address,tags,created_at\na@x.com,*,"Tue, 07 Jan 2025 19:25:45 UTC"\nb@x.com,"[""*""]",\nc@x.com,newsletter,\nd@x.com,,\n',
        ['a@x.com: manual', 'b@x.com: manual', '4 skipped: is unsubscribed from a tag only', 'd@x.com: manual'],
      ],
      'Amazon SES: suppression list': [
        'EmailAddress,Reason,LastUpdateTime\na@x.com,BOUNCE,2026-01-01T00:00:00Z\nb@x.com,COMPLAINT,2026-01-01T00:00:00Z\n',
        ['a@x.com: hard_bounce', 'b@x.com: complaint'],
      ],
      'Amazon SES: bulk file': [
        'recipient1@example.com,BOUNCE\n\nrecipient2@example.com, COMPLAINT\n',
        ['recipient1@example.com: hard_bounce', 'recipient2@example.com: complaint'],
      ],
      'Resend: emails': [
        'id,created_at,subject,from,to,last_event\n1,2026-01-01,Hi,us@x.com,a@x.com,delivered\n2,2026-01-01,"Hi, you",us@x.com,b@x.com,bounced\n' +
          '3,2026-01-01,Hi,us@x.com,c@x.com,complained\n',
        ['2 skipped: neither bounced nor complained', 'b@x.com: hard_bounce', 'c@x.com: complaint'],
      ],
      'Resend: contacts': [
        'id,email,first_name,last_name,created_at,unsubscribed\n1,a@x.com,Ada,L,2026-01-01,false\n2,b@x.com,Bob,,2026-01-01,true\n',
        ['2 skipped: is not unsubscribed', 'b@x.com: manual'],
      ],
    }
    for (const [name, [content, expected]] of Object.entries(lists)) {
      it(`${name}`, async () => {
        assert.deepEqual(await read(content), expected)
        const excel = content.includes('"') ? [] : ['\t', ...(content.includes(';') ? [] : [';'])]
        for (const delimiter of excel)
          assert.deepEqual(await read(content.replace(/,/g, delimiter)), expected, delimiter)
      })
    }
  })

  const cell = fc.string({ unit: fc.constantFrom(...'ab ,;\t"\n\'|='), maxLength: 10 })
  const row = fc.tuple(
    cell,
    fc.integer({ min: 0, max: 999 }).map((n) => `user${n}@example.com`),
    cell,
  )

  it('survive being written with any delimiter, whatever their other cells hold, and read in chunks of any size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 20 }),
        fc.constantFrom(',', ';', '\t'),
        fc.integer({ min: 1, max: 400 }),
        async (rows, delimiter, chunkSize) => {
          const text = stringify([['name', 'email', 'note'], ...rows], { delimiter })
          const read = await linesOf(text, 'csv', chunkSize)
          assert.deepEqual(
            read.map((line) => 'address' in line && line.address),
            rows.map(([, address]) => address),
          )
        },
      ),
      { numRuns: 200 },
    )
  })

  it('of any bytes are read without an error', async () => {
    const junk = fc.string({ unit: fc.constantFrom(...'ab@.,;\t"\n\r\u0000<>ü', 'email', 'sep='), maxLength: 200 })
    await fc.assert(
      fc.asyncProperty(junk, async (text) => {
        await linesOf(text)
        await linesOf(text, 'json-lines')
      }),
      { numRuns: 300 },
    )
  })
})

describe('JSON lines', () => {
  it("hold an address with a reason, also under the providers' names", async () => {
    const lines = [
      '"a@x.com"',
      '{"address":"b@x.com","reason":"hard_bounce"}',
      '{"emailAddress": "c@x.com", "reason": "BOUNCE"}',
      '{"EmailAddress":"d@x.com","SuppressionReason":"SpamComplaint"}',
      '{"status":"5.1.1","reason":"unknown","email":"e@x.com","created":1}',
      '{"email":"f@x.com, g@x.com"}',
      'null',
    ]
    assert.deepEqual(await read(lines.join('\n'), 'json-lines'), [
      'a@x.com: manual',
      'b@x.com: hard_bounce',
      'c@x.com: hard_bounce',
      'd@x.com: complaint',
      'e@x.com: manual',
      '6: has several email addresses: write one in a line',
      '7: has no valid email address',
    ])
  })
})
