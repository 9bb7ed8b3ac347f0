import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { SMTPServer } from 'smtp-server'
import type { EmbeddedTemporal } from '../../src/embedded/temporal.ts'
import { ownTemporal, useDatabase } from '../stack.ts'
import { until } from '../until.ts'
import { callApi, postWebhook } from './calls.ts'
import { inForm } from './form.ts'
import { type Started, startInstance } from './in-process.ts'
import { SupportReceiver, supportSecret } from './support-receiver.ts'

/** Stands for an hour: the pauses between attempts grow to a minute, for up to three days. */
const outageMs = inForm({ short: 3_000, long: 30_000 })

describe('faults: support cannot be notified', function () {
  this.timeout(outageMs + 150_000)
  const database = useDatabase()
  let temporal: EmbeddedTemporal
  let receiver: SupportReceiver
  let system: Started
  let smtp: SMTPServer
  let isMailRefused = false
  let mails = 0

  before(async () => {
    ;[temporal, receiver] = await Promise.all([ownTemporal(), SupportReceiver.open()])
    smtp = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      logger: false,
      onMailFrom: (_address, _session, done) =>
        done(isMailRefused ? Object.assign(new Error('not now'), { responseCode: 451 }) : null),
      onData: (stream, _session, done) => {
        mails += 1
        stream.resume().once('end', () => done())
      },
    })
    smtp.on('error', () => {})
    const listening = smtp.listen(0, '127.0.0.1')
    await once(listening, 'listening')
    const servers = { databaseUrl: database.url, temporalAddress: temporal.address }
    system = await startInstance(servers, 'all', {
      ...{ SUPPORT_WEBHOOK_URL: receiver.url, SUPPORT_WEBHOOK_SECRET: supportSecret },
      ...{ SUPPORT_EMAIL: 'support@example.org' },
      SMTP_URL: `smtp://127.0.0.1:${(listening.address() as AddressInfo).port}`,
    })
  })
  after(async () => {
    await system.stop()
    smtp.close(() => {})
    receiver.close()
    await temporal.stop()
  })

  /** Opens an escalation at once: a hard bounce of a critical email. */
  const bounceCritically = async (id: string) => {
    await callApi(system.url, 'POST', '/emails', { id, to: 'ada@example.com', priority: 'critical' })
    await postWebhook(system.url, {
      id: `evt_${id}`,
      type: 'email.bounced',
      data: { email_id: id, to: ['ada@example.com'], bounce: { type: 'hard', code: '5.1.1' } },
    })
  }

  it('its webhook is down: the other channel notifies at once, and the webhook once when it is back, with the same ID', async () => {
    receiver.isDown = true
    await bounceCritically('em_desk_down')
    await until(() => mails === 1 && receiver.refused.length > 0)
    await sleep(outageMs)
    receiver.isDown = false
    const backAt = performance.now()
    await until(() => receiver.accepted.length > 0, 90_000)
    const notifiedAfterMs = performance.now() - backAt
    await until(async () => (await database.db.notification.count()) === 3)
    console.log(
      `      ${outageMs / 1_000} s down, ${receiver.refused.length} attempts refused; notified ${Math.round(notifiedAfterMs)} ms after its return`,
    )
    assert.equal(new Set([...receiver.refused, ...receiver.accepted]).size, 1)
    assert.deepEqual([receiver.accepted.length, mails], [1, 1])
  })

  it('SMTP refuses: the webhook notifies all the same', async () => {
    isMailRefused = true
    await bounceCritically('em_mail_refused')
    await until(() => receiver.accepted.length === 2)
    assert.equal(mails, 1)
    isMailRefused = false
    await until(() => mails === 2, 60_000)
  })
})
