import assert from 'node:assert/strict'
import { createMailboxActivities, type MailboxDependencies } from '../../src/activities/create-mailbox-activities.ts'
import type { MailboxRead } from '../../src/activities/mailbox-activities.ts'
import { listMailboxes, readFailingMailboxes } from '../../src/db/mailboxes.ts'
import { maxMailBytes } from '../../src/domain/mail-size.ts'
import { mailboxFindings, unreachableAfterMs } from '../../src/domain/mailbox-policy.ts'
import { DatabaseUnavailableError } from '../../src/errors.ts'
import type { MailboxSettings } from '../../src/mail-settings.ts'
import { createMailboxOpener } from '../../src/mailboxes/mailbox.ts'
import { useDatabase } from '../stack.ts'
import { ImapStandIn } from '../stand-ins/imap.ts'
import { failureOf, onAttempt, textOf } from './attempt.ts'

const everyMs = 60_000

describe('reading a mailbox', () => {
  const { db } = useDatabase('mailboxes')
  let server: ImapStandIn
  let settings: MailboxSettings
  /** What was stored: an identity for each report, as in `event_identities`. */
  let reports: Set<string>
  /** Called before each mail is stored. */
  let before: (text: string) => void
  let outcomes: string[]

  beforeEach(async () => {
    server = new ImapStandIn()
    reports = new Set()
    outcomes = []
    before = () => {}
    settings = {
      ...{ name: 'default', project: 'shop', account: 'eu', everyMs, isSecure: false },
      ...{ host: '127.0.0.1', port: await server.listen(), user: server.user, login: server.login },
      ...{ folder: 'INBOX', after: { do: 'keep' } },
    }
  })
  afterEach(() => server.close())

  const receiveMail: MailboxDependencies['receiveMail'] = async ({ raw, project, account }) => {
    assert.deepEqual([project, account], ['shop', 'eu'])
    before(raw.toString())
    const isNew = !reports.has(raw.toString())
    reports.add(raw.toString())
    return { received: isNew ? 1 : 0, duplicates: isNew ? 0 : 1, reports: 0 }
  }

  function read(changes: Partial<MailboxSettings> = {}, clock = Date.now): Promise<MailboxRead> {
    const activities = createMailboxActivities({
      ...{ db, openMailbox: createMailboxOpener(Date.now), receiveMail, clock },
      mailboxes: [{ ...settings, ...changes }],
      onMail: (outcome) => outcomes.push(outcome),
    })
    return onAttempt(1, () => activities.readMailbox({ mailbox: 'default' }))
  }
  const fill = (count: number, text = 'ada@example.com bounced') => {
    for (let number = 1; number <= count; number++) server.inbox.add(`Subject: ${number}\r\n\r\n${text}\r\n`)
  }
  const counts = (given: Partial<MailboxRead>): MailboxRead => ({
    ...{ nextInMs: everyMs, mails: 0, received: 0, duplicates: 0, reports: 0, skipped: 0 },
    ...given,
  })
  const row = async () => (await listMailboxes(db))[0]

  it('stores all mails, over several pages, and then only those that came since', async () => {
    fill(120)
    assert.deepEqual(await read(), counts({ mails: 120, received: 120 }))
    assert.deepEqual(await read(), counts({}))
    fill(2, 'later')
    assert.deepEqual(await read(), counts({ mails: 2, received: 2 }))
    const stored = await row()
    assert.deepEqual([stored?.mails, stored?.lastUid, stored?.project], [122n, 122n, 'shop'])
    assert.ok(stored?.lastMailAt && stored.readAt && stored.readAt >= stored.lastMailAt)
  })

  it('ends after a minute, with the cursor behind its last page, and is to be called again at once', async () => {
    fill(120)
    let now = 0
    const clock = () => {
      now += 40_000
      return now
    }
    assert.deepEqual(await read({}, clock), counts({ nextInMs: 0, mails: 100, received: 100 }))
    assert.deepEqual(await read(), counts({ mails: 20, received: 20 }))
  })

  it('goes on where it was when the server breaks off: nothing is lost, and nothing counts twice', async () => {
    fill(120)
    for (const uid of [3, 60, 118]) {
      server.before = (command) => {
        if (command.startsWith(`UID FETCH ${uid} `)) throw new Error('breaks off')
        return null
      }
      assert.equal((await failureOf(read())).type, 'MailboxUnreachable')
    }
    server.before = () => null
    const { mails, received } = await read()
    assert.deepEqual([mails, received], [20, 3], 'of the page that was cut off, 17 were stored')
    assert.equal(reports.size, 120)
  })

  for (const after of [{ do: 'delete' }, { do: 'move', folder: 'INBOX' }] as const) {
    it(`does not ${after.do} a mail before it is stored, nor lose one whose page was not finished`, async () => {
      fill(60)
      before = (text) => {
        if (/^Subject: 30\r/.test(text)) throw new DatabaseUnavailableError('away')
      }
      assert.equal((await failureOf(read({ after }))).type, 'DatabaseUnavailable')
      assert.equal(server.inbox.mails.length, 60)
      assert.equal((await readFailingMailboxes(db)).length, 0, 'the mailbox is not to blame')
      before = () => {}
      server.before = (command) => (/^UID (STORE|MOVE)/.test(command) ? 'NO [UNAVAILABLE] later' : null)
      await failureOf(read({ after }))
      assert.equal(server.inbox.mails.length, 60)
      server.before = () => null
      await read({ after })
      assert.equal(reports.size, 60)
      if (after.do === 'delete') assert.equal(server.inbox.mails.length, 0)
    })
  }

  it('reads all again when the mails have other UIDs, and finds no report twice', async () => {
    fill(3)
    await read()
    server.inbox.renumber()
    fill(1, 'new')
    assert.deepEqual(await read(), counts({ mails: 4, received: 1, duplicates: 3 }))
    assert.deepEqual(await read(), counts({}))
  })

  it('leaves a mail that is too large, or cannot be stored, and does not let it hold up others', async () => {
    fill(1)
    server.inbox.add(Buffer.alloc(maxMailBytes + 1, 'x'))
    fill(1, 'poison')
    fill(1, 'other')
    before = (text) => {
      if (text.includes('poison')) throw new TypeError('ada@example.com is not a function')
    }
    assert.deepEqual(await read({ after: { do: 'delete' } }), counts({ mails: 2, received: 2, skipped: 2 }))
    assert.deepEqual(
      server.inbox.mails.map(({ uid }) => uid),
      [2, 3],
    )
    assert.deepEqual(outcomes, ['accepted', 'skipped', 'skipped', 'accepted'])
    assert.equal((await row())?.skipped, 2n)
  })

  it('skips nothing while no mail can be stored, and says so without a part of a mail', async () => {
    fill(5)
    before = () => {
      throw new TypeError('ada@example.com is not a function')
    }
    const failure = await failureOf(read())
    assert.equal(failure.type, 'MailRejected')
    assert.doesNotMatch(textOf(failure), /ada@/)
    assert.match((await readFailingMailboxes(db))[0]?.failure ?? '', /cannot be stored \(TypeError\)/)
    before = () => {}
    assert.equal((await read()).received, 5)
  })

  it('raises an incident at once when the login is refused, and ends it when the mailbox is read again', async () => {
    const failure = await failureOf(read({ login: { by: 'password', password: 'wrong-password' } }))
    assert.deepEqual([failure.type, failure.nonRetryable, failure.nextRetryDelay], ['MailboxRefused', false, 300_000])
    assert.doesNotMatch(textOf(failure), /wrong-password|bounces@/)
    const findings = async () => mailboxFindings(await readFailingMailboxes(db), Date.now())
    const [finding] = await findings()
    assert.deepEqual([finding?.reason, finding?.scope, finding?.level], ['mailbox_unread', 'mailbox:default', 'raised'])
    assert.match(finding?.detail ?? '', /refuses user and password\. Its mails wait there/)
    await read()
    assert.deepEqual(await findings(), [])
  })

  it('raises an incident when the server was away for half an hour', async () => {
    await server.close()
    await failureOf(read())
    await failureOf(read())
    const failing = await readFailingMailboxes(db)
    const levelAfter = (ms: number) => mailboxFindings(failing, Date.now() + ms)[0]?.level
    assert.deepEqual([levelAfter(0), levelAfter(unreachableAfterMs + 1)], ['held', 'raised'])
    await server.listen(settings.port)
  })

  it('has nothing to read, and no failure, once it is no longer configured', async () => {
    await failureOf(read({ login: { by: 'password', password: 'wrong-password' } }))
    const activities = createMailboxActivities({
      db,
      openMailbox: createMailboxOpener(Date.now),
      receiveMail,
      clock: Date.now,
      mailboxes: [],
    })
    assert.deepEqual(await onAttempt(1, activities.configuredMailboxes), [])
    assert.deepEqual(await readFailingMailboxes(db), [])
    const result = await onAttempt(1, () => activities.readMailbox({ mailbox: 'default' }))
    assert.deepEqual(result, counts({ nextInMs: null }))
  })
})
