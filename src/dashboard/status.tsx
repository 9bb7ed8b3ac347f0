/** States as labels: a colour, a sign and a word, so that none of them is needed to tell two apart. */
import { Icon, type IconName } from './icons.tsx'
import { phrase } from './words.ts'

/** How a state feels; the stylesheet gives each a colour. */
export type Tone = 'quiet' | 'moving' | 'good' | 'engaged' | 'warning' | 'bad'

const looks: Readonly<Record<string, readonly [Tone, IconName]>> = {
  queued: ['quiet', 'clock'],
  sending: ['moving', 'arrow'],
  sent: ['moving', 'arrow'],
  delivered: ['good', 'check'],
  opened: ['engaged', 'eye'],
  clicked: ['engaged', 'pointer'],
  deferred: ['warning', 'pause'],
  bounced: ['bad', 'cross'],
  complained: ['bad', 'flag'],
  open: ['bad', 'escalation'],
  acknowledged: ['moving', 'eye'],
  snoozed: ['quiet', 'moon'],
  resolved: ['good', 'check'],
  pending: ['moving', 'clock'],
  quarantined: ['bad', 'suppression'],
  applied: ['good', 'check'],
  unknown: ['quiet', 'question'],
}

export const toneOf = (state: string): Tone => looks[state]?.[0] ?? 'quiet'

/** An email's status, an escalation's state, or what became of an event. */
export function Status({ of: state }: { of: string }) {
  const [tone, icon] = looks[state] ?? (['quiet', 'question'] as const)
  return (
    <span class={`status ${tone}`}>
      <Icon name={icon} />
      {phrase(state)}
    </span>
  )
}

/** Only what is out of the ordinary stands out. */
export const PriorityWord = ({ of: priority }: { of: string }) => (
  <span class={priority === 'critical' ? 'priority critical' : 'priority'}>{phrase(priority)}</span>
)
