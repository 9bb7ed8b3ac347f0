/** A provider's stand-in with the emails of a plan. */
import type { SignedRequest } from '../providers/sample.ts'
import type { ProviderStandIn, StandInWebhook } from '../stand-ins/stand-in.ts'
import type { PlannedEmail, PlannedEvent } from './plan.ts'

/**
 * Adds all emails and events of the plan, and the addresses that the provider suppresses because of them.
 * @param startsAt the time 0 of the plan by the events' times, in epoch milliseconds.
 * @returns the webhook about each event.
 */
export function fillStandIn(
  standIn: ProviderStandIn,
  plan: readonly PlannedEmail[],
  startsAt: number,
): (event: PlannedEvent) => SignedRequest {
  const webhooks = new Map<PlannedEvent, StandInWebhook>()
  for (const { id: emailId, to, subject, startsAfterMs, events } of plan) {
    const sentAt = startsAt + startsAfterMs
    standIn.addEmail({ emailId, to, subject, sentAt })
    for (const event of events) {
      const { type, recipient, bounce, engagement, occursAfterMs } = event
      const at = sentAt + occursAfterMs
      const [webhook] = standIn.addEvent(emailId, { type, recipient, at, engagement, ...(bounce && { bounce }) })
      if (webhook) webhooks.set(event, webhook)
      if (recipient && type === 'complained') standIn.suppress(recipient, 'complaint')
      else if (recipient && event.failure?.suppresses) standIn.suppress(recipient, 'hard_bounce')
    }
  }
  return (event) => {
    const webhook = webhooks.get(event)
    if (!webhook) throw new Error(`the stand-in has no webhook for ${event.id}`)
    return webhook()
  }
}
