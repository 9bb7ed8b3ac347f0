/** The input of the system: registrations and webhooks, which are sent until they are acknowledged. */
import type { ReceivedEvent } from '../../src/domain/events.ts'
import { registrationEventType } from '../../src/domain/events.ts'
import { registrationPayloadOf } from '../../src/domain/received-event.ts'
import type { Random } from './random.ts'
import { Process } from './scheduler.ts'
import { priorityFrom, type World } from './world.ts'

const people = ['ada@example.com', 'bob@example.com', 'cy@example.net'] as const
/** Types that do not settle delivery are common, so that more can follow. */
const types = [
  ...['queued', 'sending', 'sent', 'sent', 'delivered', 'delivered', 'unknown'],
  ...['opened', 'opened', 'clicked', 'bounced', 'bounced', 'complained'],
] as const

/** The first attempts of all requests are within this. */
const sendingMs = 60_000

/** A request that is sent until it is acknowledged, and perhaps once more. */
interface Sending {
  readonly send: (at: number) => Promise<void>
}

export class Senders {
  /** Requests that are not acknowledged yet. */
  open = 0
  readonly #world: World
  readonly #process = new Process('provider')

  constructor(world: World) {
    this.#world = world
  }

  start(): void {
    const { random, maxEmails } = this.#world
    const emails = 1 + random.below(maxEmails)
    for (let n = 0; n < emails; n++) this.#startEmail(`em_${n}`)
  }

  #startEmail(emailId: string): void {
    const { random, unsent, slowEmails, slowShare } = this.#world
    if (random.chance(slowShare)) slowEmails.add(emailId)
    const to = random.shuffled(people).slice(0, random.chance(0.75) ? 1 : 2)
    if (random.chance(0.8)) this.#sendRegistration(emailId, to)
    const events = Array.from({ length: 1 + random.below(6) }, (_, n) =>
      eventFrom(random, emailId, `${emailId}/${n}`, to),
    )
    // One webhook is lost: only the provider's API returns the event.
    if (random.chance(0.15)) unsent.set(emailId, events.splice(-1))
    while (events.length > 0) this.#sendEvents(events.splice(0, 1 + random.below(3)))
  }

  #sendRegistration(emailId: string, to: readonly string[]): void {
    const priority = priorityFrom(this.#world.random)
    const payload = registrationPayloadOf({ as: 'sent', priority })
    let count = 0
    this.#start({
      send: async (at) => {
        const id = `registration:${emailId}:${count++}`
        const event = {
          ...blank,
          emailId,
          id,
          type: registrationEventType,
          occurredAt: at,
          receivedAt: at,
          to,
          payload,
        }
        await this.#anyInbox().register(event, priority)
        this.#world.acknowledge([event])
      },
    })
  }

  #sendEvents(events: readonly ReceivedEvent[]): void {
    this.#start({
      send: async (at) => {
        const received = events.map((event) => ({ ...event, receivedAt: at }))
        await this.#anyInbox().append(received)
        this.#world.acknowledge(received)
      },
    })
  }

  #start(sending: Sending): void {
    const { random, scheduler } = this.#world
    this.open += 1
    scheduler.after(this.#process, random.below(sendingMs), () => void this.#sendUntilAcknowledged(sending))
    // A repeat comes whether or not the first request was acknowledged.
    if (random.chance(0.3))
      scheduler.after(
        this.#process,
        random.below(2 * sendingMs),
        () => void sending.send(scheduler.now).catch(() => {}),
      )
  }

  async #sendUntilAcknowledged(sending: Sending): Promise<void> {
    const { random, scheduler } = this.#world
    for (;;) {
      const given = sending.send(scheduler.now).then(
        () => true,
        () => false,
      )
      const late = scheduler.sleep(this.#process, 10_000).then(() => false)
      if (await Promise.race([given, late])) break
      await scheduler.sleep(this.#process, 1_000 + random.below(5_000))
    }
    this.open -= 1
  }

  /** One of the APIs behind the load balancer. Without one the request fails. */
  #anyInbox() {
    const alive = this.#world.inboxes.filter(({ process }) => process.isAlive)
    if (alive.length === 0) throw new Error('connection refused')
    return this.#world.random.pick(alive)
  }
}

const blank = {
  provider: 'aisend',
  to: [],
  recipient: null,
  subject: null,
  bounce: null,
  human: false,
  payload: '{}',
} as const

function eventFrom(random: Random, emailId: string, id: string, to: readonly string[]): ReceivedEvent {
  const type = random.pick(types)
  const hasRecipients = random.chance(0.7)
  return {
    ...blank,
    emailId,
    id,
    type,
    occurredAt: Date.UTC(2026, 0, 1) + random.below(5) * 1_000,
    receivedAt: 0,
    to: hasRecipients ? to : [],
    recipient: random.chance(0.6) ? random.pick(to) : null,
    bounce: type === 'bounced' ? { class: random.chance(0.7) ? 'hard' : 'soft', code: '5.1.1', message: null } : null,
    human: random.chance(0.5),
  }
}
