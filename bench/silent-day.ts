/** A day of which no webhook came: emails in a provider's stand-in, and reconciling with it as a worker does, without Temporal. */
import { MockActivityEnvironment } from '@temporalio/testing'
import { DefaultLogger } from '@temporalio/worker'
import { createProviderListActivities } from '../src/activities/provider-list-activities.ts'
import { createReconcileActivities } from '../src/activities/reconcile-activities.ts'
import type { Database } from '../src/db/database.ts'
import type { ProviderEventType } from '../src/domain/events.ts'
import type { EventHistory, ProviderApi } from '../src/providers/provider-api.ts'
import { providerNamed } from '../src/providers/registry.ts'
import { standInDomain } from '../src/stand-ins/mailgun.ts'
import { standIns } from '../src/stand-ins/registry.ts'
import type { ProviderStandIn } from '../src/stand-ins/stand-in.ts'

const dayMs = 24 * 3_600_000

/** Every so many emails bounce, and are suppressed. */
const bounceEvery = 50

export interface SilentDay {
  readonly provider: string
  readonly standIn: ProviderStandIn
  /** `email type` of each delivery event, sorted. */
  readonly truth: readonly string[]
  /** That the provider suppresses, sorted. */
  readonly suppressed: readonly string[]
}

export async function startSilentDay(provider: string, emails: number): Promise<SilentDay> {
  const entry = providerNamed(provider)
  const standIn = await standIns[provider]?.start({})
  if (!entry || !standIn) throw new Error(`there is no stand-in for ${provider}`)
  const [truth, suppressed]: [string[], string[]] = [[], []]
  const endsAt = Date.now() - 3_600_000
  for (let n = 0; n < emails; n++) {
    const [emailId, recipient] = [entry.sampleFormat.emailIdOf(`day-${n}`), `person-${n}@example.com`]
    const sentAt = Math.floor((endsAt - ((n + 1) * (dayMs - 7_200_000)) / emails) / 1_000) * 1_000
    standIn.addEmail({ emailId, to: [recipient], subject: 'Your order', sentAt })
    const isBounced = n % bounceEvery === 0
    const types: ProviderEventType[] = ['queued', 'sending', 'sent', isBounced ? 'bounced' : 'delivered']
    const reported = types.filter((type) => entry.eventTypes.includes(type))
    for (const [step, type] of reported.entries()) {
      const bounce = { class: 'hard', code: '5.1.1', message: '550 5.1.1 No such user', isOver: true } as const
      standIn.addEvent(emailId, {
        ...{ type, recipient, at: sentAt + step * 1_000 },
        ...(type === 'bounced' && { bounce }),
      })
      truth.push(`${emailId} ${type}`)
    }
    if (!isBounced) continue
    standIn.suppress(recipient, 'hard_bounce')
    suppressed.push(recipient)
  }
  return { provider, standIn, truth: truth.sort(), suppressed: suppressed.sort() }
}

export interface Pace {
  /** By which the provider's limit is raised, and the pace with it. */
  readonly factor: number
}

/** The API as a worker has it, with its pace. */
function apiOf({ provider, standIn: { apiUrl, apiKey } }: SilentDay, { factor }: Pace) {
  const api = providerNamed(provider)?.createApi?.({ apiUrl, apiKey, domains: [standInDomain] })
  if (!api?.history || !api.suppressionLists) throw new Error(`${provider} has nothing to compare`)
  const { history, suppressionLists: lists } = api
  return {
    ...api,
    history: { ...history, requestsPerSecond: history.requestsPerSecond * factor },
    suppressionLists: { ...lists, requestsPerSecond: lists.requestsPerSecond * factor },
  } satisfies ProviderApi & { history: EventHistory }
}

const asActivity = <T>(activity: () => Promise<T>): Promise<T> =>
  new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') }).run(activity)

/** One whole run, and then the lists. @returns the milliseconds of the run. */
export async function reconcileDay(db: Database, day: SilentDay, pace: Pace): Promise<number> {
  const { provider } = day
  const dependencies = { db, providerApis: new Map([[provider, apiOf(day, pace)]]), clock: Date.now }
  const activities = createReconcileActivities({ ...dependencies, startReconcile: async () => true })
  const startedAt = performance.now()
  for (let isDone = false; !isDone; ) ({ isDone } = await asActivity(() => activities.reconcileNext({ provider })))
  const tookMs = performance.now() - startedAt
  const lists = createProviderListActivities(dependencies)
  await asActivity(() => lists.mergeSuppressions({ provider }))
  return tookMs
}
