import assert from 'node:assert/strict'
import { maxMailBytes } from '../../src/domain/mail-size.ts'
import type { MailboxSettings } from '../../src/mail-settings.ts'
import { createMailboxOpener, type OpenMailbox } from '../../src/mailboxes/mailbox.ts'
import { MailboxRefusedError, MailboxUnreachableError } from '../../src/mailboxes/mailbox-errors.ts'
import { ImapFolder, ImapStandIn } from '../stand-ins/imap.ts'

describe('a mailbox', () => {
  let server: ImapStandIn
  let settings: MailboxSettings
  let opened: OpenMailbox | null

  beforeEach(async () => {
    server = new ImapStandIn()
    opened = null
    settings = {
      ...{ name: 'default', project: 'default', account: null, everyMs: 1_000, isSecure: false },
      ...{ host: '127.0.0.1', port: await server.listen(), user: server.user, login: server.login },
      ...{ folder: 'INBOX', after: { do: 'keep' } },
    }
  })
  afterEach(async () => {
    await opened?.close()
    await server.close()
  })

  const open = async (changes: Partial<MailboxSettings> = {}): Promise<OpenMailbox> => {
    opened = await createMailboxOpener(Date.now)({ ...settings, ...changes })
    return opened
  }
  const fill = (count: number) => {
    for (let number = 1; number <= count; number++) server.inbox.add(`Subject: ${number}\r\n\r\nx\r\n`)
  }
  async function readAll(mailbox: OpenMailbox, uids: readonly number[]): Promise<[number, string | null][]> {
    const read: [number, string | null][] = []
    for await (const { uid, raw } of mailbox.read(uids)) read.push([uid, raw?.toString() ?? null])
    return read
  }

  it('finds the mails above a UID, and not the last one again', async () => {
    fill(5)
    const mailbox = await open()
    assert.deepEqual(await mailbox.findAbove(0), [1, 2, 3, 4, 5])
    assert.deepEqual(await mailbox.findAbove(3), [4, 5])
    assert.deepEqual(await mailbox.findAbove(5), [])
  })

  it('reads the bytes of mails, and leaves them as they were', async () => {
    fill(3)
    server.inbox.remove(server.inbox.within('2'))
    const mailbox = await open()
    assert.deepEqual(await readAll(mailbox, [1, 2, 3]), [
      [1, 'Subject: 1\r\n\r\nx\r\n'],
      [3, 'Subject: 3\r\n\r\nx\r\n'],
    ])
    await mailbox.finish([1, 3])
    assert.deepEqual(
      server.inbox.mails.map(({ flags }) => flags.size),
      [0, 0],
    )
    assert.ok(server.commands.some((command) => /^EXAMINE/.test(command)))
  })

  it('does not fetch a mail that is too large', async () => {
    server.inbox.add(Buffer.alloc(maxMailBytes + 1, 'x'))
    fill(1)
    const read = await readAll(await open(), [1, 2])
    assert.deepEqual(
      read.map(([uid, raw]) => [uid, raw === null]),
      [
        [1, true],
        [2, false],
      ],
    )
    assert.ok(!server.commands.some((command) => /^UID FETCH 1 .*BODY/.test(command)))
  })

  it('marks mails as seen, deletes or moves them, and those alone', async () => {
    fill(9)
    const uidsIn = ({ mails }: ImapFolder) => mails.map(({ uid }) => uid)
    const seen = await open({ after: { do: 'seen' } })
    await seen.finish([1, 2, 5])
    assert.deepEqual(
      server.inbox.mails.filter(({ flags }) => flags.has('\\Seen')).map(({ uid }) => uid),
      [1, 2, 5],
    )
    await seen.close()
    const deleting = await open({ after: { do: 'delete' } })
    server.inbox.mails.at(-1)?.flags.add('\\Deleted')
    await deleting.finish([1, 2, 3])
    assert.deepEqual(uidsIn(server.inbox), [4, 5, 6, 7, 8, 9], 'what somebody else has marked stays')
    await deleting.close()
    server.folders.set('Read reports', new ImapFolder())
    await (await open({ after: { do: 'move', folder: 'Read reports' } })).finish([4, 8])
    assert.deepEqual(uidsIn(server.inbox), [5, 6, 7, 9])
    assert.equal(server.folders.get('Read reports')?.mails.length, 2)
  })

  it('has another ID when the UIDs are others: after a restore, in another folder, of another user', async () => {
    server.folders.set('Reports', new ImapFolder())
    const idOf = async (changes: Partial<MailboxSettings> = {}) => {
      const { folderId, close } = await open(changes)
      await close()
      return folderId
    }
    const first = await idOf()
    assert.equal(await idOf(), first)
    assert.notEqual(await idOf({ folder: 'Reports' }), first)
    server.inbox.renumber()
    assert.notEqual(await idOf(), first)
    assert.doesNotMatch(first, /bounces|127/)
  })

  it('is refused by a wrong password, a folder and a move that do not exist, and says which, without secrets', async () => {
    const refusals: [Partial<MailboxSettings>, RegExp][] = [
      [{ login: { by: 'password', password: 'wrong-password' } }, /refuses user and password/],
      [{ folder: 'Nowhere' }, /refuses the folder Nowhere/],
    ]
    for (const [changes, message] of refusals) {
      await assert.rejects(open(changes), (error) => {
        assert.ok(error instanceof MailboxRefusedError)
        assert.match(error.message, message)
        assert.doesNotMatch(error.message, /wrong-password|bounces@/)
        return true
      })
    }
    fill(1)
    const mailbox = await open({ after: { do: 'move', folder: 'Nowhere' } })
    await assert.rejects(mailbox.finish([1]), /refuses MAIL_IMAP_AFTER=move:Nowhere/)
    assert.equal(server.inbox.mails.length, 1)
  })

  it('is unreachable when the server is away, breaks off, or says that this passes', async () => {
    fill(1)
    const mailbox = await open()
    server.before = (command) => {
      if (command.startsWith('UID')) throw new Error('breaks off')
      return null
    }
    await assert.rejects(mailbox.findAbove(0), MailboxUnreachableError)
    server.before = (command) => (command.startsWith('LOGIN') ? 'NO [UNAVAILABLE] the backend is away' : null)
    await assert.rejects(open(), MailboxUnreachableError)
    await server.close()
    await assert.rejects(open(), /cannot be read \(ECONNREFUSED\)/)
    await server.listen(settings.port)
  })
})
