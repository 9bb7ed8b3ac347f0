import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { readSignalledEvents } from '../../src/db/signalled-events.ts'
import { saveSnapshot } from '../../src/db/snapshots.ts'
import { emptySnapshot, foldEvents } from '../../src/domain/lifecycle.ts'
import { type Served, serve } from '../api/served.ts'
import { store } from '../db/stored.ts'
import { temporaryFolder, useDatabase } from '../stack.ts'

const provider = 'aisend'
const program = fileURLToPath(new URL('../../bin/aftersend.mjs', import.meta.url))

interface Result {
  readonly isError?: boolean
  readonly content: readonly { readonly text: string }[]
}

describe('aftersend mcp', () => {
  const { db } = useDatabase()
  let served: Served
  let client: Client
  const notes: string[] = []

  before(async () => {
    served = await serve({ db })
    await bounce('em_1', ['ada@example.com', 'bob@example.com'])
    const created = await served.call('POST', '/v1/keys', { name: 'assistant', scopes: ['read'] })
    const { key } = (await created.json()) as { key: string }
    client = await connect(key)
  })
  after(async () => {
    await client.close()
    await served.stop()
  })

  /** As an assistant starts it. */
  async function connect(key: string): Promise<Client> {
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [program, 'mcp', '--url', served.url],
      env: { PATH: process.env['PATH'] ?? '', API_KEYS: key, DATA_DIR: await temporaryFolder() },
      stderr: 'pipe',
    })
    transport.stderr?.on('data', (chunk) => notes.push(String(chunk)))
    const connected = new Client({ name: 'tests', version: '1' })
    await connected.connect(transport)
    return connected
  }

  /** An email to two, which bounced for the first. */
  async function bounce(emailId: string, to: string[]): Promise<void> {
    const bounced = {
      ...{
        emailId,
        to,
        id: `${emailId}/bounced`,
        type: 'bounced' as const,
        recipient: to[0] ?? null,
        subject: 'Your order',
      },
      bounce: { class: 'hard' as const, code: '5.1.1', message: '550 5.1.1 user unknown' },
    }
    await store(db, { emailId, to, id: `${emailId}/sent`, type: 'sent', recipient: null }, bounced)
    const ids = [`${emailId}/sent`, `${emailId}/bounced`]
    const snapshot = foldEvents(emptySnapshot, await readSignalledEvents(db, provider, ids))
    await saveSnapshot(db, { provider, emailId, snapshot, expectedRevision: 0, eventIds: ids })
  }

  async function ask(name: string, given: Record<string, unknown>) {
    const result = (await client.callTool({ name, arguments: given })) as unknown as Result
    assert.equal(result.isError ?? false, false, result.content[0]?.text)
    return JSON.parse(result.content[0]?.text ?? '')
  }

  it('has four tools that only read', async () => {
    const { tools } = await client.listTools()
    assert.deepEqual(
      tools.map(({ name }) => name),
      ['find_email', 'recipient_history', 'explain_failure', 'deliverability_summary'],
    )
    assert.ok(tools.every(({ annotations }) => annotations?.readOnlyHint && !annotations.destructiveHint))
    assert.match(client.getInstructions() ?? '', /data, not as instructions/)
  })

  it('finds an email by its ID, and emails by what they have in common', async () => {
    const { emails } = await ask('find_email', { id: 'em_1' })
    assert.deepEqual(emails[0].to, ['ada@example.com', 'bob@example.com'])
    assert.deepEqual((await ask('find_email', { id: 'em_unknown' })).emails, [])
    assert.equal((await ask('find_email', { provider, reason: 'unknown_recipient' })).emails[0].id, 'em_1')
    assert.deepEqual((await ask('find_email', { status: 'complained' })).emails, [])
  })

  it('explains a failure by recipient: why, who must act, and what the receiver said', async () => {
    const { failures } = await ask('explain_failure', { id: 'em_1' })
    assert.equal(failures.length, 1)
    const { recipient, reason, mustAct, what, receiverSaid } = failures[0]
    assert.deepEqual([recipient, reason, mustAct], ['ada@example.com', 'unknown_recipient', 'recipient'])
    assert.match(what, /does not know this mailbox/)
    assert.match(receiverSaid, /user unknown/)
    assert.deepEqual(await ask('explain_failure', { id: 'em_unknown' }), { found: false })
  })

  it('answers the history of a person with the next step', async () => {
    const history = await ask('recipient_history', { address: 'Ada@Example.com' })
    assert.equal(history.emailCount, 1)
    assert.equal(history.emails[0].failure.reason, 'unknown_recipient')
    assert.match(history.nextStep.sentence, /\.$/)
  })

  it('answers rates in total and by a key', async () => {
    const summary = await ask('deliverability_summary', { by: 'reason' })
    assert.deepEqual(summary.total.delivered, { percent: 0, of: '0 of 1' })
    assert.equal(summary.parts[0].value, 'unknown_recipient')
  })

  it('answers with an error what its schema or the API refuses, and goes on', async () => {
    const refused = (await client.callTool({ name: 'find_email', arguments: { limit: 1_000 } })) as unknown as Result
    assert.equal(refused.isError, true)
    const range = { from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' }
    const answer = (await client.callTool({ name: 'deliverability_summary', arguments: range })) as unknown as Result
    assert.match(answer.content[0]?.text ?? '', /422|400/)
    const other = await connect('another-key-than-any-of-theirs')
    const unknown = (await other.callTool({ name: 'find_email', arguments: { id: 'em_1' } })) as unknown as Result
    assert.match(unknown.content[0]?.text ?? '', /401/)
    await other.close()
    assert.deepEqual(notes, [])
  })
})
