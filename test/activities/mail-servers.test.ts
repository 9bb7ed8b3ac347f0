import assert from 'node:assert/strict'
import { createMailServers } from '../../src/activities/mail-servers.ts'
import { DnsStandIn } from './dns-stand-in.ts'

describe('the mail servers of a domain', () => {
  let dns: DnsStandIn
  beforeEach(async () => {
    dns = await DnsStandIn.start()
  })
  afterEach(() => dns.stop())

  const hostsOf = (domain: string) => createMailServers({ servers: [dns.server], timeoutMs: 200 }).hostsOf(domain)

  it('are sorted by their preference', async () => {
    dns.answers.set('example.com', {
      hosts: [
        [20, 'backup.example.net'],
        [5, 'mx.example.net'],
        [10, 'second.example.net'],
      ],
    })
    assert.deepEqual(await hostsOf('example.com'), ['mx.example.net', 'second.example.net', 'backup.example.net'])
  })

  it('are none for a domain that does not exist, has no MX records, or a null MX', async () => {
    dns.answers.set('bare.example', 'without-records')
    dns.answers.set('null.example', { hosts: [[0, '']] })
    assert.deepEqual(await hostsOf('missing.example'), [])
    assert.deepEqual(await hostsOf('bare.example'), [])
    assert.deepEqual(await hostsOf('null.example'), [])
  })

  it('are unknown when DNS is silent or fails, after a second try', async () => {
    dns.answers.set('silent.example', 'silent')
    dns.answers.set('failing.example', 'failure')
    await assert.rejects(hostsOf('silent.example'), { code: 'ETIMEOUT' })
    assert.equal(dns.asked.filter((domain) => domain === 'silent.example').length, 2)
    await assert.rejects(hostsOf('failing.example'), { code: 'ESERVFAIL' })
  })

  it('are unknown when no server listens', async () => {
    const { server } = dns
    await dns.stop()
    const servers = createMailServers({ servers: [server], timeoutMs: 200 })
    await assert.rejects(servers.hostsOf('example.com'), (error: NodeJS.ErrnoException) =>
      /ETIMEOUT|ECONNREFUSED/.test(String(error.code)),
    )
    dns = await DnsStandIn.start()
  })

  it('are asked for over TCP when the answer is too long for UDP', async () => {
    dns.answers.set('long.example', { hosts: [[1, 'aspmx.l.google.com']], isTruncated: true })
    assert.deepEqual(await hostsOf('long.example'), ['aspmx.l.google.com'])
  })

  it('are asked for by the ASCII form of an international domain', async () => {
    dns.answers.set('xn--mnchen-3ya.example', { hosts: [[1, 'mx.example.net']] })
    assert.deepEqual(await hostsOf('münchen.example'), ['mx.example.net'])
  })

  it('are not asked for where the domain is no host name', async () => {
    for (const domain of ['', 'localhost', '[127.0.0.1]', 'a b.example', `${'a'.repeat(64)}.example`, '..', 'a..b'])
      assert.deepEqual(await hostsOf(domain), [], domain)
    assert.deepEqual(dns.asked, [])
  })
})
