import assert from 'node:assert/strict'
import { request } from 'node:http'
import { useDatabase } from '../stack.ts'
import { until } from '../until.ts'
import { apiKey, problemIn, serve, useApi, wireTo } from './served.ts'

const header = 'address,reason,since,provider,email_id,event_id'

describe('/v1/suppressions/import and /export', () => {
  const { db } = useDatabase('suppressions')
  const served = useApi(() => ({ db }))

  const send = (body: string | Uint8Array, type = 'text/csv', query = '') =>
    fetch(`${served.url}/v1/suppressions/import${query}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': type },
      body: body as string,
    })
  const report = async (...sent: Parameters<typeof send>) => {
    const response = await send(...sent)
    assert.equal(response.status, 200)
    return (await response.json()) as { added: number; known: number; invalid: number; mistakes: unknown[] }
  }
  const stored = async () =>
    Object.fromEntries(
      (await db.suppression.findMany({ orderBy: { id: 'asc' } })).map((row) => [row.address, row.reason]),
    )
  const csv = async () => {
    const response = await served.call('GET', '/v1/suppressions/export')
    assert.equal(response.status, 200)
    return { response, text: await response.text() }
  }

  it('import CSV with a header, count each line, and keep known reasons', async () => {
    const text = [
      '\ufeffName;E-Mail;Reason',
      'Ada;ADA@example.com;complaint',
      '"Grace; Hopper";"Grace <grace@example.com>";Spam Complaint',
      'Nobody;nobody;manual',
      '',
      'Ada again;ada@example.com;hard_bounce',
      'Bob;bob@example.com;hard_bounce',
    ].join('\r\n')
    assert.deepEqual(await report(text), {
      ...{ dryRun: false, added: 3, known: 1, skipped: 0, invalid: 1 },
      mistakes: [{ line: 4, message: 'has no valid email address' }],
    })
    assert.deepEqual(await stored(), {
      'ada@example.com': 'complaint',
      'bob@example.com': 'hard_bounce',
      'grace@example.com': 'complaint',
    })
  })

  it('import CSV without a header, and JSON lines', async () => {
    assert.equal((await report('a@x.com,complaint\nb@x.com\n')).added, 2)
    const lines = '"c@x.com"\n{"address":"d@x.com","reason":"hard_bounce"}\n{"email":"e@x.com"}\n{\nnull\n5'
    const { added, invalid } = await report(lines, 'application/x-ndjson')
    assert.deepEqual([added, invalid], [3, 3])
    assert.deepEqual(await stored(), {
      ...{
        'a@x.com': 'complaint',
        'b@x.com': 'manual',
        'c@x.com': 'manual',
        'd@x.com': 'hard_bounce',
        'e@x.com': 'manual',
      },
    })
  })

  it('change nothing in a preview, and nothing the second time', async () => {
    const text = 'address\na@x.com\nb@x.com\na@x.com\n'
    const { added, known } = await report(text, 'text/csv', '?dryRun=true')
    assert.deepEqual([added, known, await stored()], [2, 1, {}])
    assert.equal((await report(text)).added, 2)
    assert.deepEqual((await report(text, 'text/csv', '?dryRun=true')).added, 0)
    assert.deepEqual([(await report(text)).known, await db.suppression.count()], [3, 2])
  })

  it('continue after invalid lines, report the first hundred, and quote none', async () => {
    const bad = Array.from({ length: 150 }, (_, n) => `secret${n} at x.com`).join('\n')
    const text = `address\na@x.com\n${bad}\n${Buffer.from([0xff]).toString('latin1')}b@x.com\nz@x.com\n`
    const { added, invalid, mistakes } = await report(Buffer.from(text, 'latin1'))
    assert.deepEqual([added, invalid, mistakes.length], [2, 151, 100])
    assert.doesNotMatch(JSON.stringify(mistakes), /secret/)
    assert.deepEqual(Object.keys(await stored()), ['a@x.com', 'z@x.com'])
  })

  it('report how many lines an unclosed quote includes, and continue', async () => {
    const text = 'address\na@x.com\nb"@x.com\nc@x.com\nd@x.com,"or so\ne@x.com\nf@x.com"\ng@x.com\nh@x.com,"or so'
    const { added, invalid, mistakes } = await report(text)
    assert.deepEqual(mistakes, [
      { line: 3, message: 'is not valid CSV' },
      { line: 9, message: 'is not valid CSV' },
    ])
    assert.deepEqual([added, invalid], [4, 2])
    const lost = await report('a@x.com\n"b@x.com" or so\nc@x.com\nd@x.com,"manual\ne@x.com')
    assert.deepEqual([lost.known, lost.invalid], [1, 4])
    assert.deepEqual(lost.mistakes, [{ line: 2, message: 'is not valid CSV up to line 5: close all quotes' }])
    assert.deepEqual(Object.keys(await stored()), ['a@x.com', 'c@x.com', 'd@x.com', 'g@x.com'])
  })

  it('import and export a long file completely', async () => {
    const count = 8_000
    const line = (n: number) => `user${n}@example.com,manual,${'x'.repeat(200)}\n`
    const body = Array.from({ length: count }, (_, n) => line(n)).join('')
    const { added } = await report(body)
    assert.equal(added, count)
    const { text } = await csv()
    assert.equal(text.split('\n').length, count + 2)
  })

  it('import a file from several clients at once without deadlock', async () => {
    const addresses = Array.from({ length: 3_000 }, (_, n) => `user${n}@x.com`)
    const shuffled = [addresses, addresses.toReversed(), addresses.toSorted()].map((list) => list.join('\n'))
    const reports = await Promise.all(shuffled.map((text) => report(text)))
    assert.equal(
      reports.reduce((sum, { added }) => sum + added, 0),
      3_000,
    )
  })

  it('refuse other, encoded or too large files before reading them', async () => {
    assert.equal((await send('{}', 'application/json')).status, 415)
    assert.equal((await send('a@x.com', 'text/csv', '?dryRun=perhaps')).status, 400)
    const wire = wireTo(served.port)
    wire.socket.write(
      `POST /v1/suppressions/import HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${apiKey}\r\n` +
        `Content-Type: text/csv\r\nContent-Length: ${50 * 1_048_576 + 1}\r\n\r\na@x.com`,
    )
    await wire.closed
    assert.match(wire.received(), /^HTTP\/1\.1 413 /)
    const unsigned = await fetch(`${served.url}/v1/suppressions/import`, { method: 'POST', body: 'a@x.com' })
    assert.equal(unsigned.status, 401)
    assert.deepEqual(await stored(), {})
  })

  it('export a list that can be imported unchanged, with formulas escaped', async () => {
    const addresses = ['=1+1@x.com', '+tag@x.com', '-a@x.com', "'=b@x.com", "'c@x.com", 'plain@x.com', '"b,c;d"@x.com']
    for (const address of addresses) await db.suppression.create({ data: { address, reason: 'complaint' } })
    const { response, text } = await csv()
    assert.match(response.headers.get('content-disposition') ?? '', /attachment; filename="suppressions.csv"/)
    const [first, ...rest] = text.trim().split('\n')
    assert.equal(first, header)
    for (const row of rest) assert.doesNotMatch(row, /^"?[=+\-@]/)
    const before = await stored()
    await db.$executeRaw`TRUNCATE suppressions`
    assert.equal((await report(text)).added, addresses.length)
    const sorted = (rows: Record<string, string>) => Object.entries(rows).toSorted()
    assert.deepEqual(sorted(await stored()), sorted(before))
  })

  it('leave removed suppressions out of the export', async () => {
    await db.suppression.create({ data: { address: 'a@x.com', reason: 'manual', removedAt: new Date() } })
    assert.equal((await csv()).text, `${header}\n`)
  })

  it('stop reading the list when the client disconnects', async () => {
    await db.$executeRaw`
      INSERT INTO suppressions (address, reason) SELECT repeat('x', 200) || n || '@x.com', 'manual' FROM generate_series(1, 50000) AS n`
    let reads = 0
    const counting = new Proxy(db, {
      get: (target, name) => {
        if (name === '$queryRaw') reads += 1
        return Reflect.get(target, name)
      },
    })
    const watched = await serve({ db: counting })
    await new Promise<void>((resolve, reject) => {
      const asked = request(
        `${watched.url}/v1/suppressions/export`,
        { headers: { authorization: `Bearer ${apiKey}` } },
        (response) => response.once('data', () => resolve(void response.destroy())),
      )
      asked.on('error', reject).end()
    })
    let before = -1
    await until(() => {
      const settled = reads === before
      before = reads
      return settled
    })
    assert.ok(reads < 50, `${reads} pages were read`)
    await watched.stop()
  })

  it('answer 503 when PostgreSQL does not answer, and say to send the file again', async () => {
    const away = await serve()
    const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'text/csv' }
    const response = await fetch(`${away.url}/v1/suppressions/import`, { method: 'POST', headers, body: 'a@x.com' })
    assert.equal(response.status, 503)
    assert.match((await problemIn(response)).detail, /send the whole file again/)
    assert.equal((await fetch(`${away.url}/v1/suppressions/export`, { headers })).status, 503)
    await away.stop()
  })
})
