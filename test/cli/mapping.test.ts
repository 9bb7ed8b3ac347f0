import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type CommandContext, UsageError } from '../../src/cli/command-context.ts'
import { mappingCommand } from '../../src/cli/commands/mapping.ts'
import { ConfigurationError } from '../../src/errors.ts'

const page = readFileSync(fileURLToPath(new URL('../../docs/own-senders.md', import.meta.url)), 'utf8')
const [mapping = '', sample = '', printed = ''] = [...page.matchAll(/```(?:json|text)\n([\s\S]*?)```/g)].map(
  ([, text = '']) => text,
)

describe('aftersend mapping test', () => {
  const folder = mkdtempSync(join(tmpdir(), 'aftersend-mapping-'))
  const fileOf = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  const run = async (args: readonly string[], env: Record<string, string> = {}) => {
    const found = { text: '', code: 0 }
    const context = {
      env,
      print: (text: string) => {
        found.text = text
      },
      endWith: (code: number) => {
        found.code = code
      },
    } as CommandContext
    await mappingCommand(context).parseAsync(['test', ...args], { from: 'user' })
    return found
  }
  const mappingFile = fileOf('mappings.json', mapping)
  const sampleFile = fileOf('sample.json', sample)

  it('prints for the example of docs/own-senders.md what that page says', async () => {
    const { text, code } = await run([sampleFile, '--mapping', mappingFile])
    assert.equal(text.trim(), printed.trim())
    assert.equal(code, 0)
    assert.equal((await run([sampleFile], { MAPPINGS_FILE: mappingFile })).text, text)
  })

  it('ends with 1 for a sample that is unreadable, in whole or in part, and says why', async () => {
    const whole = await run([fileOf('whole.json', '{}'), '--mapping', mappingFile])
    assert.deepEqual([whole.text, whole.code], ['Unreadable: events is not a JSON array of events', 1])
    const part = await run([fileOf('part.json', '{"events":[{"kind":"open"}]}'), '--mapping', mappingFile])
    assert.equal(part.code, 1)
    assert.match(part.text, /would be quarantined: the event has no ID at uid[\s\S]*message\.id +not found/)
    const none = await run([fileOf('none.json', '{"events":[{"kind":"test"}]}'), '--mapping', mappingFile])
    assert.deepEqual([none.text, none.code], ['No events: the sample is about no email.', 0])
  })

  it('verifies the signature, where it is given the headers', async () => {
    const mac = createHmac('sha256', 'secret-of-acme').update(sample).digest('hex')
    const headers = fileOf('headers.txt', `Content-Type: application/json\nX-Acme-Signature: sha256=${mac}\n`)
    const withHeaders = (secret: string) =>
      run([sampleFile, '--mapping', mappingFile, '--headers', headers, '--json'], { ACME_WEBHOOK_SECRET: secret })
    const valid = await withHeaders('secret-of-acme')
    assert.deepEqual([JSON.parse(valid.text).isGenuine, valid.code], [true, 0])
    assert.equal((await withHeaders('another')).code, 1)
    await assert.rejects(run([sampleFile, '--mapping', mappingFile, '--headers', headers]), /ACME_WEBHOOK_SECRET/)
  })

  it('says what is missing or wrong', async () => {
    await assert.rejects(run([sampleFile]), /set --mapping or MAPPINGS_FILE/)
    await assert.rejects(run(['/nowhere.json', '--mapping', mappingFile]), UsageError)
    const other = run([sampleFile, '--mapping', mappingFile, '--sender', 'other'])
    await assert.rejects(other, /--sender must be one of acme/)
    await assert.rejects(run([sampleFile, '--mapping', fileOf('bad.json', '{"senders":[]}')]), ConfigurationError)
  })
})
