import assert from 'node:assert/strict'
import { authenticatedDomain } from '../../src/mail/authentication-results.ts'
import { fieldsIn } from '../../src/mail/fields.ts'

/** @param headers the uppermost first. */
const domainIn = (authservId: string, ...headers: readonly string[]) =>
  authenticatedDomain(
    fieldsIn(Buffer.from(headers.map((value) => `Authentication-Results: ${value}\r\n`).join(''))),
    authservId,
  )

/** RFC 8601, appendix B. */
const samples = {
  none: 'example.org 1; none',
  spf: 'example.com;\r\n   spf=pass smtp.mailfrom=example.net',
  several:
    'example.com;\r\n  dkim=pass reason="good signature"\r\n  header.i=@mail-router.example.net;\r\n' +
    '  dkim=fail reason="bad signature" header.i=@newyork.example.com',
  comments:
    'foo.example.net (foobar) 1 (baz);\r\n dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n' +
    " policy (A dot can go here) . (like that) expired (this surprised me) = (as I wasn't expecting it) 1362471462",
}

describe('who vouches for a mail by its Authentication-Results', () => {
  it('is the domain that passed, by the samples of RFC 8601', () => {
    assert.equal(domainIn('example.org', samples.none), '')
    assert.equal(domainIn('example.com', samples.spf), 'example.net')
    assert.equal(domainIn('example.com', samples.several), 'mail-router.example.net')
    assert.equal(domainIn('foo.example.net', samples.comments), '')
    const passed = samples.comments.replace(') fail', ') pass header.d=Example.NET')
    assert.equal(domainIn('foo.example.net', passed), 'example.net')
  })

  it('is that of DMARC before that of DKIM, and that before that of SPF', () => {
    const spf = 'spf=pass (mx: domain of a@bounces.example) smtp.mailfrom="a;b"@bounces.example'
    const dkim = 'dkim=fail header.d=bad.example; dkim=pass header.i=@signed.example header.s=s1 header.b=ab/c='
    const domainOf = (...results: string[]) => domainIn('mx.example', `MX.example; ${results.join('; ')}`)
    assert.equal(domainOf(spf, dkim, 'dmarc=pass (p=REJECT) header.from=google.com'), 'google.com')
    assert.equal(domainOf(spf, dkim, 'dmarc=fail header.from=google.com'), 'signed.example')
    assert.equal(domainOf(spf), 'bounces.example')
    assert.equal(domainOf('spf=softfail smtp.mailfrom=google.com', 'dkim=neutral header.d=google.com'), '')
  })

  it('is nobody by the header of another server, and by one below that of the own server', () => {
    const forged = 'mx.example; dkim=pass header.d=google.com'
    assert.equal(domainIn('other.example', forged), '')
    assert.equal(domainIn('mx.example', 'mx.example; dkim=none', forged), '')
    // Exchange Online writes no name of the server.
    assert.equal(
      domainIn('mx.example', 'spf=pass smtp.mailfrom=google.com; mx.example; dkim=pass header.d=google.com'),
      '',
    )
    assert.equal(domainIn('mx.example'), '')
  })

  it('is nobody whom the sender of the mail has written into an address, a comment or an encoded word', () => {
    const pass = 'dkim=pass header.d=google.com'
    const encoded = `=?utf-8?b?${Buffer.from(`a; ${pass}; `).toString('base64')}?=`
    for (const written of [`"a; ${pass}; "`, encoded, 'a\\;dkim=pass'])
      assert.equal(domainIn('mx.example', `mx.example; spf=fail smtp.mailfrom=${written}@evil.example`), '', written)
    for (const comment of [
      `(of a; ${pass}; b)`,
      `(of "a); ${pass}"@evil.example)`,
      `(of a\\); ${pass}; \\()`,
      `(a (; ${pass})`,
      `(a; ${pass}`,
    ])
      assert.equal(domainIn('mx.example', `mx.example; spf=fail ${comment} smtp.mailfrom=evil.example`), '', comment)
    // What is cut off could end within a name.
    const long = `mx.example; x=${'y'.repeat(3_900)}; dkim=pass header.d=google.com.${'evil.'.repeat(20)}example`
    assert.equal(domainIn('mx.example', long), '')
    // What cannot be read of the own server gives way to no header below it.
    assert.equal(
      domainIn('mx.example', 'mx.example; spf=fail (a smtp.mailfrom=evil.example', `mx.example; ${pass}`),
      '',
    )
  })
})
