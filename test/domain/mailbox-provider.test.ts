import assert from 'node:assert/strict'
import {
  mailboxProviderLabel,
  mailboxProviderOfDomain,
  mailboxProviderOfMx,
} from '../../src/domain/mailbox-provider.ts'
import { mailboxProviders } from '../../src/domain/mailbox-providers.ts'

const facts = Object.values(mailboxProviders)

describe('the mailbox provider', () => {
  it('is known by its own domains, in any case', () => {
    const domains = ['gmail.com', 'GoogleMail.com', 'hotmail.co.uk', 'live.nl', 'yahoo.fr', 'aol.com', 'yahoo.co.jp']
    assert.deepEqual(domains.map(mailboxProviderOfDomain), [
      ...['gmail', 'gmail', 'microsoft', 'microsoft', 'yahoo', 'yahoo', 'yahoo_japan'],
    ])
    assert.deepEqual(['example.com', 'mygmail.com', 'gmail.com.example.com', ''].map(mailboxProviderOfDomain), [
      ...[null, null, null, null],
    ])
  })

  it('is known by the hosts of MX records', () => {
    const hosts = {
      'smtp.google.com': 'gmail',
      'ALT1.ASPMX.L.GOOGLE.COM.': 'gmail',
      'example-com.mail.protection.outlook.com': 'microsoft',
      'example-com.a-v1.mx.microsoft': 'microsoft',
      'mta7.am0.yahoodns.net': 'yahoo',
      'mx01.mail.icloud.com': 'icloud',
      'mailsec.protonmail.ch': 'proton',
      'mx00.ionos.de': 'ionos',
      'mx2.zoho.eu': 'zoho',
      'in1-smtp.messagingengine.com': 'fastmail',
      'eu-smtp-inbound-1.mimecast.com': 'mimecast',
      'mxa-00123.gslb.pphosted.com': 'proofpoint',
      'mail.example.com': null,
      'notgoogle.com': null,
      'c-73-0-0-1.hsd1.ca.comcast.net': null,
      '': null,
    }
    for (const [host, provider] of Object.entries(hosts)) assert.equal(mailboxProviderOfMx([host]), provider, host)
  })

  it('is that of the first host with one', () => {
    assert.equal(mailboxProviderOfMx(['mx.example.com', 'mx1.emailsrvr.com', 'smtp.google.com']), 'rackspace')
    assert.equal(mailboxProviderOfMx([]), null)
  })

  it('has a name, a source, and domains and hosts that no other one has', () => {
    for (const all of [facts.flatMap(({ domains }) => domains), facts.flatMap(({ hosts }) => hosts)]) {
      assert.equal(new Set(all).size, all.length)
      for (const name of all) assert.match(name, /^[a-z0-9-]+(\.[a-z0-9-]+)+$/)
    }
    for (const { label, source } of facts) assert.ok(label !== '' && source !== '')
    assert.deepEqual(['gmail', 'other'].map(mailboxProviderLabel), ['Gmail', 'other mailbox providers'])
  })
})
