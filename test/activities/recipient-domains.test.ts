import assert from 'node:assert/strict'
import { createMailServers, type MailServers } from '../../src/activities/mail-servers.ts'
import { createRecipientDomainActivities } from '../../src/activities/recipient-domain-activities.ts'
import { useDatabase } from '../stack.ts'
import { onAttempt } from './attempt.ts'
import { DnsStandIn } from './dns-stand-in.ts'

const dayMs = 86_400_000

describe('the activity that looks mailbox providers up', () => {
  const database = useDatabase('emails, email_recipients, recipient_domains')
  let dns: DnsStandIn
  beforeEach(async () => {
    dns = await DnsStandIn.start()
  })
  afterEach(() => dns.stop())

  const sendTo = (...domains: string[]) =>
    database.db.email.createMany({
      data: domains.map((domain) => ({
        id: `em_${domain}`,
        provider: 'aisend',
        to: [`ada@${domain}`],
        recipients: [`ada@${domain}`],
      })),
    })
  const servers = () => createMailServers({ servers: [dns.server], timeoutMs: 200 })
  const lookUpPage = (after = '', more: { mailServers?: MailServers | null; pageSize?: number } = {}) => {
    const activities = createRecipientDomainActivities({ db: database.db, mailServers: servers(), ...more })
    return onAttempt(1, () => activities.lookUpRecipientDomains({ after }))
  }
  /** Of the providers' own domains, which are there from the first run on, only one. */
  const visited = { OR: [{ domain: { endsWith: '.example' } }, { domain: 'gmail.com' }] }
  const found = async () =>
    Object.fromEntries(
      (await database.db.recipientDomain.findMany({ where: visited })).map((it) => [
        it.domain,
        [it.mailboxProvider, it.foundBy],
      ]),
    )
  const daysLeft = async (domain: string) => {
    const row = await database.db.recipientDomain.findUniqueOrThrow({ where: { domain } })
    return Math.round((row.expiresAt.getTime() - Date.now()) / dayMs)
  }
  const expire = (domain: string) =>
    database.db.recipientDomain.update({ where: { domain }, data: { expiresAt: new Date(Date.now() - 1) } })

  it('takes the providers’ own domains from the table and asks DNS for the others', async () => {
    await sendTo('gmail.com', 'shop.example', 'office.example', 'own.example', 'gone.example', 'null.example')
    dns.answers.set('shop.example', { hosts: [[1, 'smtp.google.com']] })
    dns.answers.set('office.example', { hosts: [[0, 'office-example.mail.protection.outlook.com']] })
    dns.answers.set('own.example', { hosts: [[10, 'mail.own.example']] })
    dns.answers.set('null.example', { hosts: [[0, '']] })
    assert.deepEqual(await lookUpPage(), { lookedUp: 5, next: null })
    assert.deepEqual(await found(), {
      'gmail.com': ['gmail', 'domain'],
      'shop.example': ['gmail', 'mx'],
      'office.example': ['microsoft', 'mx'],
      'own.example': [null, 'mx'],
      'gone.example': [null, 'none'],
      'null.example': [null, 'none'],
    })
    assert.equal(await daysLeft('null.example'), 7)
    assert.equal(await daysLeft('gmail.com'), 365)
    assert.ok(!dns.asked.includes('gmail.com'))
  })

  it('asks once for a domain, until its answer expires', async () => {
    await sendTo('shop.example')
    dns.answers.set('shop.example', { hosts: [[1, 'smtp.google.com']] })
    await lookUpPage()
    assert.equal((await lookUpPage()).lookedUp, 0)
    assert.deepEqual(dns.asked, ['shop.example'])
    await expire('shop.example')
    dns.answers.set('shop.example', { hosts: [[1, 'mail.protonmail.ch']] })
    await lookUpPage()
    assert.deepEqual((await found())['shop.example'], ['proton', 'mx'])
  })

  it('asks again after a day where DNS did not answer, and keeps what it knew', async () => {
    await sendTo('shop.example', 'silent.example')
    dns.answers.set('shop.example', { hosts: [[1, 'smtp.google.com']] })
    dns.answers.set('silent.example', 'silent')
    await lookUpPage()
    const { 'gmail.com': _, ...others } = await found()
    assert.deepEqual(others, { 'shop.example': ['gmail', 'mx'], 'silent.example': [null, 'none'] })
    assert.equal(await daysLeft('silent.example'), 1)
    await expire('shop.example')
    dns.answers.set('shop.example', 'failure')
    await lookUpPage()
    assert.deepEqual((await found())['shop.example'], ['gmail', 'mx'])
    assert.equal(await daysLeft('shop.example'), 1)
  })

  it('looks at all domains page by page, and resumes where a page failed', async () => {
    const domains = Array.from({ length: 45 }, (_, n) => `d${String(n).padStart(2, '0')}.example`)
    await sendTo(...domains)
    for (const domain of domains) dns.answers.set(domain, { hosts: [[1, 'smtp.google.com']] })
    const first = await lookUpPage('', { pageSize: 20 })
    assert.deepEqual(first, { lookedUp: 20, next: 'd19.example' })
    await database.db.$executeRaw`ALTER TABLE recipient_domains RENAME TO lost`
    await assert.rejects(lookUpPage('d19.example', { pageSize: 20 }))
    await database.db.$executeRaw`ALTER TABLE lost RENAME TO recipient_domains`
    assert.deepEqual(await lookUpPage('d19.example', { pageSize: 20 }), { lookedUp: 20, next: 'd39.example' })
    assert.deepEqual(await lookUpPage('d39.example', { pageSize: 20 }), { lookedUp: 5, next: null })
    assert.equal(await database.db.recipientDomain.count({ where: { mailboxProvider: 'gmail', foundBy: 'mx' } }), 45)
  })

  it('stops when DNS is unavailable, and leaves the other domains to the next run', async () => {
    const domains = Array.from({ length: 60 }, (_, n) => `d${String(n).padStart(2, '0')}.example`)
    await sendTo(...domains)
    const refusing: MailServers = { hostsOf: () => Promise.reject(new Error('queryMx ECONNREFUSED')) }
    assert.equal((await lookUpPage('', { mailServers: refusing, pageSize: 50 })).next, null)
    assert.equal(await database.db.recipientDomain.count({ where: { foundBy: 'none' } }), 20)
  })

  it('asks nobody where the lookup is off, and still knows the providers’ own domains, before any email went to them', async () => {
    await sendTo('shop.example')
    await lookUpPage('', { mailServers: null })
    assert.deepEqual(await found(), { 'gmail.com': ['gmail', 'domain'] })
  })
})
