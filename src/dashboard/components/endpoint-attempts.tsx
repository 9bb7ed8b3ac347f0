/** The attempts of an endpoint, each with its request and the answer. */
import type { AttemptOfDelivery } from '../../db/endpoints-read.ts'
import type { SignedRequest } from '../../endpoints/signed-request.ts'
import { endpointPath, pathWith } from '../paths.ts'
import { duration } from './labels.ts'
import { EmptyState } from './layout.tsx'
import { type PageLinks, Pager } from './pager.tsx'
import { indented } from './payload-text.ts'
import { Status } from './status.tsx'
import { Table } from './table.tsx'
import { Tabs } from './tabs.tsx'
import { Timestamp } from './timestamp.tsx'

export interface EndpointAttemptsProps {
  readonly attempts: readonly { readonly attempt: AttemptOfDelivery; readonly request: SignedRequest | null }[]
  readonly outcome: 'failed' | undefined
  readonly links: PageLinks
}

export const EndpointAttempts = ({ attempts, outcome, links }: EndpointAttemptsProps) => (
  <section aria-labelledby="attempts">
    <h2 id="attempts">Attempts</h2>
    <Tabs
      label="By outcome"
      tabs={([undefined, 'failed'] as const).map((tab) => ({
        name: tab === undefined ? 'All' : 'Failed',
        href: pathWith(links.path, { outcome: tab }),
        isCurrent: tab === outcome,
      }))}
    />
    {attempts.length > 0 ? (
      <>
        <AttemptTable attempts={attempts} />
        <Pager {...links} />
      </>
    ) : (
      <EmptyState title={outcome === undefined ? 'No attempts yet' : 'No attempt has failed'}>
        An attempt is one request to the endpoint. They are kept for 30 days.
      </EmptyState>
    )}
  </section>
)

const AttemptTable = ({ attempts }: Pick<EndpointAttemptsProps, 'attempts'>) => (
  <Table
    caption="Attempts, newest first"
    columns={['At (UTC)', 'Event', 'Outcome', ['Send again', 'number', 'hidden']]}
  >
    {attempts.map(({ attempt, request }) => (
      <AttemptRow key={attempt.id} of={attempt} request={request} />
    ))}
  </Table>
)

const AttemptRow = ({ of: it, request }: { of: AttemptOfDelivery; request: SignedRequest | null }) => (
  <tr>
    <td class="when">
      <Timestamp at={it.at} exact />
    </td>
    <td class="main-cell">
      <code>{it.delivery?.type ?? 'deleted'}</code>
      {request && <Exchange of={it} request={request} />}
    </td>
    <td>
      <Status of={it.outcome} />
      <span class="block muted">
        {it.error ?? it.status ?? 'No answer'} · {duration(it.durationMs)}
      </span>
    </td>
    <td class="number">
      {it.delivery && it.delivery.state !== 'pending' && (
        <form method="post" action={`${endpointPath(it.endpointId)}/replay`}>
          <input type="hidden" name="deliveryId" value={String(it.deliveryId)} />
          <button type="submit">
            Send again<span class="hidden-text"> {it.delivery.type}</span>
          </button>
        </form>
      )}
    </td>
  </tr>
)

const Exchange = ({
  of: { answer },
  request: { headers, body },
}: {
  of: AttemptOfDelivery
  request: SignedRequest
}) => (
  <details class="payload">
    <summary>Request and answer</summary>
    <div class="payload-text">
      <pre>
        {Object.entries(headers)
          .map(([name, value]) => `${name}: ${value}`)
          .join('\n')}
        {`\n\n${indented(body)}`}
      </pre>
    </div>
    {answer !== null && answer !== '' && (
      <div class="payload-text">
        <pre dir="auto">{answer}</pre>
      </div>
    )}
  </details>
)
