import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import type { Config } from '../../src/config.ts'
import { oneProject } from '../../src/domain/project.ts'
import { createLogChannel, createSupportChannels } from '../../src/notifications/channels.ts'
import type { ProjectSettings } from '../../src/project-settings.ts'
import { sampleNotice } from './sample-notice.ts'

function recordingLog() {
  const lines: string[] = []
  return { lines, log: pino({ level: 'info' }, { write: (line: string) => void lines.push(line) }) }
}

describe('the support channels', () => {
  const none = { channels: [], publicUrl: null }
  const secret = Buffer.alloc(32, 7).toString('base64')

  it('are only the log unless more are configured', () => {
    const { log } = recordingLog()
    const names = (support: Config['support']) =>
      createSupportChannels({ ...none, support, projects: { ...oneProject, settings: new Map() } }, log).map(
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

  it('send a notice to the support of the email’s project, or of the default one if it has none', async () => {
    const { log } = recordingLog()
    const received: string[] = []
    const server = createServer((request, response) => {
      received.push(request.url ?? '')
      response.end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const supportAt = (path: string) => ({
      webhook: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, secret },
      email: null,
    })
    const ofShop = { support: supportAt('/shop') } as ProjectSettings
    const ofBlog = { support: { webhook: null, email: null } } as ProjectSettings
    const settings = new Map([
      ['shop', ofShop],
      ['blog', ofBlog],
    ])
    const channels = createSupportChannels(
      { ...none, support: supportAt('/default'), projects: { ...oneProject, settings } },
      log,
    )
    for (const provider of ['aisend', 'shop:aisend', 'blog:aisend'])
      for (const channel of channels) await channel.send({ ...sampleNotice(), provider })
    server.close()
    assert.deepEqual(received, ['/default', '/shop', '/default'])
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
