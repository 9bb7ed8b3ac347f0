/** States as labels. Each has a colour, an icon and a text, so that no state is shown by colour alone. */
import { Icon, type IconName } from './icons.tsx'
import { phrase } from './labels.ts'

/** The stylesheet has a colour for each. */
export type Tone = 'neutral' | 'active' | 'success' | 'engaged' | 'warning' | 'danger'

const appearances: Readonly<Record<string, readonly [Tone, IconName]>> = {
  queued: ['neutral', 'clock'],
  sending: ['active', 'arrow'],
  sent: ['active', 'arrow'],
  delivered: ['success', 'check'],
  partly_delivered: ['active', 'part'],
  opened: ['engaged', 'eye'],
  clicked: ['engaged', 'pointer'],
  deferred: ['warning', 'pause'],
  bounced: ['danger', 'cross'],
  failed: ['danger', 'failed'],
  complained: ['danger', 'flag'],
  unsubscribed: ['warning', 'flag'],
  resubscribed: ['success', 'check'],
  suppressed: ['danger', 'suppression'],
  suppression_removed: ['success', 'check'],
  open: ['danger', 'escalation'],
  acknowledged: ['active', 'eye'],
  snoozed: ['neutral', 'moon'],
  resolved: ['success', 'check'],
  active: ['success', 'check'],
  failing: ['danger', 'failed'],
  paused: ['neutral', 'pause'],
  succeeded: ['success', 'check'],
  pending: ['active', 'clock'],
  quarantined: ['danger', 'suppression'],
  applied: ['success', 'check'],
  error: ['danger', 'failed'],
  warning: ['warning', 'escalation'],
  advice: ['active', 'arrow'],
  unknown: ['neutral', 'question'],
}

export const toneOf = (state: string): Tone => appearances[state]?.[0] ?? 'neutral'

/** To how many of its recipients an email was delivered. */
export interface DeliveredTo {
  readonly delivered: number
  readonly recipients: number
}

interface StatusProps {
  readonly of: string
  /** Of an email with several recipients. */
  readonly deliveredTo?: DeliveredTo | null | undefined
}

/** An email's status, or the state of an escalation or event. */
export function Status({ of: state, deliveredTo = null }: StatusProps) {
  const [tone, icon] = appearances[state] ?? (['neutral', 'question'] as const)
  return (
    <span class={`status ${tone}`}>
      <Icon name={icon} />
      {state === 'partly_delivered' && deliveredTo ? deliveredToText(deliveredTo) : phrase(state)}
    </span>
  )
}

/** `Delivered to 2 of 3` */
export const deliveredToText = ({ delivered, recipients }: DeliveredTo): string =>
  `Delivered to ${delivered} of ${recipients}`

/** Highlights `critical` only. */
export const PriorityLabel = ({ of: priority }: { of: string }) => (
  <span class={priority === 'critical' ? 'priority critical' : 'priority'}>{phrase(priority)}</span>
)
