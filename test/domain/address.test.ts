import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  addressesIn,
  domainOf,
  formatMailbox,
  type Mailbox,
  normalizeAddress,
  normalizedOf,
  parseMailbox,
  parseMailboxes,
} from '../../src/domain/address.ts'

describe('an address', () => {
  it('is compared without its display name, in lower case', () => {
    assert.equal(normalizeAddress(' Ada L. <Ada@Example.COM> '), 'ada@example.com')
    assert.equal(domainOf('ada@example.com'), 'example.com')
    assert.equal(normalizeAddress('"Lovelace, Ada" <ada@example.com>'), 'ada@example.com')
    assert.equal(normalizeAddress('"ada@example.com" <ada@example.com>'), 'ada@example.com')
    assert.equal(normalizeAddress('ada@example.com <ada@example.com>'), 'ada@example.com')
  })

  it('is the same in Unicode and in Punycode, however its domain is composed or capitalized', () => {
    const written = [
      'ada@bücher.example',
      'Ada@BÜCHER.example',
      'ada@bu\u0308cher.example',
      'ada@XN--BCHER-KVA.example',
    ]
    for (const text of [...written, 'Ada <ada@bücher.example>'])
      assert.equal(normalizeAddress(text), 'ada@xn--bcher-kva.example', text)
    assert.equal(normalizeAddress('Zoë@example.com'), 'zoë@example.com')
  })

  it('is null for a text that is no single address', () => {
    const none = ['', 'ada', 'a@b@c', 'a b@c.d', '<>', '@x.com', 'a@', `${'a'.repeat(320)}@b.c`, 'mailto:a@x.com']
    const notStorable = [
      'a\u0000@x.com',
      'a@x\u0000.com',
      'A\u0000da <a@x.com>',
      'a\ud800@x.com',
      'a@xn--ü.de',
      'a@ü/x.de',
    ]
    const several = [
      'Ada <ada@x.com>, Bob <bob@x.com>',
      'ada@x.com, bob@x.com',
      'ada@x.com; bob@x.com',
      'ada@x.com bob@x.com',
      'Ada <ada@x.com> <bob@x.com>',
      'Ada<ada@x.com>Bob<bob@x.com>',
      'victim@b.example, Ada <x@a.example>',
      'victim@b.example Ada <x@a.example>',
      'victim@b.example: Ada <x@a.example>',
      'victim@b.example <x@a.example>',
      'x@a.example (victim@b.example)',
      'Team: ada@x.com;',
      'a recipient ada@x.com was not found',
      'Ada <ada@x.com',
    ]
    for (const text of [...none, ...notStorable, ...several]) assert.equal(normalizeAddress(text), null, text)
  })
})

describe('a list of addresses', () => {
  it('holds every mailbox, also of groups and after semicolons', () => {
    const text = 'Ada <Ada@x.com>, "Hopper, Grace" <grace@x.com>; bob@x.com'
    assert.deepEqual(parseMailboxes(text), [
      { name: 'Ada', address: 'Ada@x.com' },
      { name: 'Hopper, Grace', address: 'grace@x.com' },
      { name: null, address: 'bob@x.com' },
    ])
    assert.deepEqual(addressesIn(text), ['ada@x.com', 'grace@x.com', 'bob@x.com'])
    assert.deepEqual(addressesIn('Team: ada@x.com, Bob <bob@x.com>;'), ['ada@x.com', 'bob@x.com'])
  })

  it('is refused whole when a part is no mailbox; what is readable of it can be read', () => {
    assert.equal(parseMailboxes('Ada <ada@x.com>, nobody'), null)
    assert.equal(parseMailboxes('ada@x.com, a@b@c'), null)
    assert.equal(parseMailboxes(''), null)
    assert.equal(parseMailboxes('undisclosed-recipients:;'), null)
    assert.deepEqual(addressesIn('Ada <ada@x.com>, nobody'), ['ada@x.com'])
    assert.deepEqual(addressesIn('undisclosed-recipients:;'), [])
  })

  const atom = fc.string({ unit: fc.constantFrom(..."abcXYZ019!#$%&'*+-/=?^_`{|}~é"), minLength: 1, maxLength: 12 })
  const local = fc.array(atom, { minLength: 1, maxLength: 3 }).map((atoms) => atoms.join('.'))
  const domain = fc.constantFrom(
    'example.com',
    'Mail.Example.ORG',
    'bücher.example',
    'xn--bcher-kva.example',
    '日本.jp',
  )
  const name = fc
    .array(fc.string({ unit: fc.constantFrom(...'aZ9 .,;:<>@()[]"\\\'ü日-'), minLength: 1, maxLength: 8 }), {
      maxLength: 4,
    })
    .map((parts) => parts.join(' ').replace(/\s+/g, ' ').trim() || null)
  const mailbox: fc.Arbitrary<Mailbox> = fc.record({
    name,
    address: fc.tuple(local, domain).map((parts) => parts.join('@')),
  })

  it('survives being written and read', () => {
    fc.assert(
      fc.property(fc.array(mailbox, { minLength: 1, maxLength: 5 }), (mailboxes) => {
        const read = parseMailboxes(mailboxes.map(formatMailbox).join(', '))
        assert.deepEqual(read?.map(normalizedOf), mailboxes.map(normalizedOf))
        for (const [index, { name: written }] of mailboxes.entries()) assert.equal(read?.[index]?.name, written)
      }),
      { numRuns: 500 },
    )
  })

  it('never holds an address that its text does not, and reads any text without an error', () => {
    const junk = fc.string({ unit: fc.constantFrom(...'ab@.,;:<>()"\\ \t\n\u0000[]ü'), maxLength: 60 })
    fc.assert(
      fc.property(junk, (text) => {
        const single = parseMailbox(text)
        if (single) assert.ok(text.includes(single.address))
        for (const { address } of parseMailboxes(text) ?? []) assert.ok(text.includes(address))
        for (const address of addressesIn(text)) assert.equal(normalizeAddress(address), address)
      }),
      { numRuns: 500 },
    )
  })

  it('is written with an ASCII domain and a quoted name', () => {
    const written = (text: string) => formatMailbox(parseMailbox(text) ?? assert.fail())
    assert.equal(written('ada@bücher.example'), 'ada@xn--bcher-kva.example')
    assert.equal(written(' Ada  <Ada@example.com>'), 'Ada <Ada@example.com>')
    assert.equal(written('"Lovelace, Ada" <ada@example.com>'), '"Lovelace, Ada" <ada@example.com>')
    assert.equal(written('Lovelace, Ada <ada@example.com>'), '"Lovelace, Ada" <ada@example.com>')
    assert.equal(written('Zoë <zoë@example.com>'), 'Zoë <zoë@example.com>')
  })
})
