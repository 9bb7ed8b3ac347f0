import assert from 'node:assert/strict'
import { pino } from 'pino'
import type { Config } from '../../src/config.ts'
import { oneProject } from '../../src/domain/project.ts'
import { createLogChannel, createSupportChannels } from '../../src/notifications/channels.ts'
import { sampleNotice } from './sample-notice.ts'

function recordingLog() {
  const lines: string[] = []
  return { lines, log: pino({ level: 'info' }, { write: (line: string) => void lines.push(line) }) }
}

describe('the support channels', () => {
  const secret = Buffer.alloc(32, 7).toString('base64')

  it('are only the log unless more are configured', () => {
    const { log } = recordingLog()
    const names = (support: Config['support']) =>
      createSupportChannels({ support, projects: { ...oneProject, settings: new Map() } }, log).map(
        (channel) => channel.name,
      )
    assert.deepEqual(names({ webhook: null, email: null }), ['log'])
    assert.deepEqual(
      names({
        webhook: { url: 'https://hooks.example.com/x', secret },
        email: { to: 'support@example.org', smtpUrl: 'smtp://127.0.0.1:2525', requiresTls: false },
      }),
      ['log', 'webhook', 'email'],
    )
  })

  it('log IDs, reason and priority, but no address, subject or detail', async () => {
    const { lines, log } = recordingLog()
    await createLogChannel(log).send(sampleNotice())
    assert.equal(lines.length, 1)
    const { level, time, pid, hostname, msg, ...facts } = JSON.parse(lines[0] ?? '')
    assert.equal(typeof msg, 'string')
    assert.deepEqual(facts, {
      escalationId: 'esc_7',
      emailId: 'em_42',
      provider: 'aisend',
      reason: 'stalled',
      priority: 'critical',
      notice: 1,
    })
    assert.doesNotMatch(lines[0] ?? '', /@|sign-in/)
  })
})
