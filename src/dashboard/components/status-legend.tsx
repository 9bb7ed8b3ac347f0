/** What the statuses of emails mean. */
import { type EmailStatus, emailStatuses } from '../../domain/lifecycle.ts'
import { Status } from './status.tsx'

const meanings: Readonly<Record<EmailStatus, string>> = {
  complained: 'The recipient reported it as spam.',
  bounced: 'The recipient’s address refused it for good: the address is at fault.',
  failed: 'It will not arrive, for a reason that is not the recipient’s fault.',
  clicked: 'A link in it was clicked.',
  opened: 'It was opened.',
  delivered: 'The recipient’s mail server has it; with several recipients, all of theirs.',
  partly_delivered: 'Some of its recipients have it, and the others not yet.',
  deferred: 'An attempt failed, and the provider still tries.',
  sent: 'The provider has sent it, and reports no delivery yet.',
  sending: 'The provider is sending it.',
  queued: 'It waits at the provider, or is scheduled.',
}

export const StatusLegend = () => (
  <details class="legend">
    <summary>What the statuses mean</summary>
    <dl>
      {emailStatuses.toReversed().map((status) => (
        <div key={status}>
          <dt>
            <Status of={status} />
          </dt>
          <dd>{meanings[status]}</dd>
        </div>
      ))}
    </dl>
    <p class="muted">
      An email has the most important status that applies: the last of these. With several recipients, one who failed
      decides.
    </p>
  </details>
)
