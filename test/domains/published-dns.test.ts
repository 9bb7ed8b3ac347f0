import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { answeredWithin, createDns, type Dns } from '../../src/domains/dns.ts'
import { readPublishedDns } from '../../src/domains/read-published-dns.ts'
import { DnsStandIn } from '../activities/dns-stand-in.ts'

/** Answers from a table, in which other records than TXT are like `MX example.com`; what is null there is not answered. */
const dnsOf = (records: Readonly<Record<string, readonly string[] | null>>): Dns => ({
  async recordsOf(name, type) {
    const found = records[type === 'TXT' ? name : `${type} ${name}`]
    if (found === null) throw new Error('silent')
    return found ?? []
  },
})
const read = (texts: Record<string, readonly string[] | null>, more = {}) =>
  readPublishedDns(dnsOf(texts), { domain: 'example.com', returnPaths: [], keys: [], ...more })

const rsaKey = (bits: number, type: 'spki' | 'pkcs1' = 'spki') =>
  generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ format: 'der', type }).toString('base64')

describe('what a domain publishes in DNS:', () => {
  it('TXT records come joined, MX records as hosts, empty for none, and as an error if DNS is silent', async () => {
    const dns = await DnsStandIn.start()
    try {
      const { recordsOf } = createDns({ servers: [dns.server], timeoutMs: 50, tries: 1 })
      const textsOf = (name: string) => recordsOf(name, 'TXT')
      const long = 'x'.repeat(255)
      dns.answers.set('a.example', { texts: [['v=DKIM1; p=', long, 'y'], ['other']] })
      dns.answers.set('b.example', 'without-records')
      dns.answers.set('c.example', 'silent')
      dns.answers.set('d.example', 'failure')
      assert.deepEqual([...(await textsOf('a.example'))].sort(), ['other', `v=DKIM1; p=${long}y`])
      assert.deepEqual([await textsOf('b.example'), await textsOf('none.example'), await textsOf('-..-')], [[], [], []])
      dns.answers.set('mail.example', { hosts: [[10, 'mx.mail.example']] })
      assert.deepEqual(await recordsOf('mail.example', 'MX'), ['mx.mail.example'])
      assert.deepEqual([await recordsOf('mail.example', 'A'), await recordsOf('none.example', 'AAAA')], [[], []])
      await assert.rejects(textsOf('c.example'))
      await assert.rejects(textsOf('d.example'))
      const late = answeredWithin({ recordsOf: () => new Promise(() => {}) }, 1)
      await assert.rejects(late.recordsOf('a.example', 'A'), /within 1 ms/)
    } finally {
      await dns.stop()
    }
  })

  it('the DMARC record of the domain, else of the next above it, up to the organization', async () => {
    const record = ['v=DMARC1; p=none']
    const foundAt = async (domain: string, texts: Record<string, readonly string[] | null>) =>
      (await read(texts, { domain })).dmarc.foundAt
    const both = { '_dmarc.example.co.uk': record, '_dmarc.mail.example.co.uk': [...record, 'something else'] }
    assert.equal(await foundAt('mail.example.co.uk', both), 'mail.example.co.uk')
    assert.equal(await foundAt('a.b.mail.example.co.uk', both), 'mail.example.co.uk')
    assert.equal(await foundAt('shop.example.co.uk', both), 'example.co.uk')
    // Of a public suffix, it is somebody else's.
    assert.equal(await foundAt('example.co.uk', { '_dmarc.co.uk': record }), null)
    assert.equal((await read({ '_dmarc.example.com': null })).dmarc.records, null)
  })

  it('whether other organizations accept its reports', async () => {
    const rua =
      'mailto:a@mail.example.com, mailto:b@reports.example!10m,mailto:c@closed.example,mailto:d@silent.example'
    const { dmarc } = await read({
      '_dmarc.example.com': [`v=DMARC1; p=none; rua=${rua}`],
      'example.com._report._dmarc.reports.example': ['v=DMARC1;'],
      'example.com._report._dmarc.silent.example': null,
    })
    assert.deepEqual(dmarc.externalReports, [
      { domain: 'reports.example', isAccepted: true },
      { domain: 'closed.example', isAccepted: false },
      { domain: 'silent.example', isAccepted: null },
    ])
  })

  it('SPF with all includes, and the lookups that receivers make', async () => {
    const { spf } = await read(
      {
        'example.com': ['v=spf1 a mx include:one.example include:%{i}.x.example -all', 'google-site-verification=1'],
        'one.example': ['v=spf1 include:two.example exists:%{i}.y.example ?all'],
        'two.example': ['v=spf1 redirect=three.example'],
        'three.example': ['v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all'],
        'bounces.example.com': [
          'v=spf1 include:gone.example include:silent.example include:bounces.example.com fun:1 -all',
        ],
        'silent.example': null,
      },
      { returnPaths: ['bounces.example.com', 'example.com'] },
    )
    const [own, bounces, ...others] = spf
    // a, mx, one, exists of one, two, three, and the include with a macro.
    assert.deepEqual([own?.lookups, own?.problems, others], [7, [], []])
    assert.deepEqual(bounces?.problems, [
      { kind: 'syntax', at: 'fun:1' },
      { kind: 'no_record', at: 'gone.example' },
      { kind: 'unanswered', at: 'silent.example' },
      { kind: 'loop', at: 'bounces.example.com' },
    ])
  })

  it('SPF lookups that find nothing, and MX records beyond those that receivers read', async () => {
    const many = (length: number) => Array.from({ length }, (_, n) => `mx${n}.example.com`)
    // e4, e11 and e12 of the test suite of RFC 7208 (openspf.org, rfc7208-tests.yml, "Processing limits"), and what it does not have.
    const records = {
      'e11.example.com': ['v=spf1 a:err.example.com a:err1.example.com a:err2.example.com ?all'],
      'e12.example.com': ['v=spf1 a:err.example.com a:err1.example.com ?all'],
      'e4.example.com': ['v=spf1 mx'],
      'MX e4.example.com': many(11),
      'MX ten.example.com': many(10),
      'own.example.com': ['v=spf1 a/24 mx:ten.example.com//64 a:%{i}.x.example include:inc.example.com -all'],
      'AAAA own.example.com': ['2001:db8::1'],
      'inc.example.com': ['v=spf1 A mx a:silent.example.com exists:six.example.com ptr ?all'],
      'AAAA six.example.com': ['2001:db8::2'],
      'A silent.example.com': null,
    }
    const returnPaths = Object.keys(records).filter((name) => /^(e\d+|own)\./.test(name))
    const { spf } = await read(records, { returnPaths })
    assert.deepEqual(
      spf.slice(1).map(({ domain, lookups, voidNames, problems }) => [domain, lookups, voidNames, problems]),
      [
        ['e11.example.com', 3, ['err.example.com', 'err1.example.com', 'err2.example.com'], []],
        ['e12.example.com', 2, ['err.example.com', 'err1.example.com'], []],
        ['e4.example.com', 1, [], [{ kind: 'too_many_mail_hosts', at: 'e4.example.com' }]],
        ['own.example.com', 9, ['inc.example.com', 'six.example.com'], []],
      ],
    )
  })

  it('SPF of records that include each other without end, within a bound', async () => {
    let asked = 0
    const endless: Dns = {
      async recordsOf(name) {
        asked += 1
        return [`v=spf1 a mx include:a.${name} include:b.${name} -all`]
      },
    }
    const { spf } = await readPublishedDns(endless, { domain: 'example.com', returnPaths: [], keys: [] })
    assert.ok((spf[0]?.lookups ?? 0) > 10)
    assert.ok(asked < 70, `${asked} questions`)
  })

  it('DKIM keys with their length', async () => {
    const name = (selector: string) => `${selector}._domainkey.example.com`
    const ed25519 = generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
    const texts = {
      [name('long')]: [`v=DKIM1; k=rsa; p=${rsaKey(2_048)}`],
      [name('bare')]: [`p=${rsaKey(1_024, 'pkcs1')}`],
      [name('ed')]: [`v=DKIM1; k=ed25519; p=${ed25519.toString('base64')}`],
      [name('revoked')]: ['v=DKIM1; p='],
      [name('broken')]: ['v=DKIM1; p=AAAA'],
      [name('silent')]: null,
    }
    const selectors = [...Object.keys(texts).map((key) => key.split('.')[0] ?? ''), 'none']
    const keys = selectors.map((selector) => ({ domain: 'example.com', selector }))
    const found = (await read(texts, { keys })).keys
    assert.deepEqual(
      found.map(({ selector, records, bits, isReadable }) => [selector, records?.length ?? null, bits, isReadable]),
      [
        ['long', 1, 2_048, true],
        ['bare', 1, 1_024, true],
        ['ed', 1, null, true],
        ['revoked', 1, null, false],
        ['broken', 1, null, false],
        ['silent', null, null, false],
        ['none', 0, null, false],
      ],
    )
  })
})
