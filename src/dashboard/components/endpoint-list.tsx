/** The endpoints, and the form that creates one. */
import type { EndpointWithBacklog } from '../../db/endpoints-read.ts'
import { defaultProject } from '../../domain/project.ts'
import { endpointPath } from '../paths.ts'
import { Allowed } from './allowed.tsx'
import { EndpointForm, type EndpointFormProps, NewSecret } from './endpoint-form.tsx'
import { cappedCount } from './labels.ts'
import { EmptyState, PageHead } from './layout.tsx'
import { Status } from './status.tsx'
import { Table } from './table.tsx'
import { Timestamp } from './timestamp.tsx'

export interface EndpointListProps extends EndpointFormProps {
  readonly endpoints: readonly EndpointWithBacklog[]
  /** The secret of the endpoint that was just created. */
  readonly secret?: string
}

export const EndpointList = ({ endpoints, secret, ...form }: EndpointListProps) => (
  <>
    <PageHead title="Endpoints" parent="/setup" />
    <div class="stack">
      {secret !== undefined && <NewSecret secret={secret}>The signing secret of the new endpoint</NewSecret>}
      {endpoints.length > 0 ? (
        <EndpointTable endpoints={endpoints} />
      ) : (
        <EmptyState title="No endpoints">
          An endpoint receives a signed webhook for each event of an email, recipient or escalation.
        </EmptyState>
      )}
      <Allowed to="endpoints">
        <EndpointForm {...form} />
      </Allowed>
    </div>
  </>
)

const EndpointTable = ({ endpoints }: Pick<EndpointListProps, 'endpoints'>) => (
  <Table
    caption="Endpoints, newest first"
    columns={['Endpoint', 'State', ['Pending', 'number'], ['Last accepted (UTC)', 'wide']]}
  >
    {endpoints.map((endpoint) => (
      <EndpointRow key={endpoint.id} of={endpoint} />
    ))}
  </Table>
)

const EndpointRow = ({ of: it }: { of: EndpointWithBacklog }) => (
  <tr>
    <td class="main-cell">
      <a class="strong" href={endpointPath(it.id)}>
        <bdi>{nameOfEndpoint(it)}</bdi>
      </a>
      {it.description && <span class="block muted clip">{it.url ?? 'Pulled'}</span>}
      {it.project !== defaultProject && <span class="block muted small">{it.project}</span>}
    </td>
    <td>
      <Status of={stateOfEndpoint(it)} />
    </td>
    <td class="number">{cappedCount(it.pending)}</td>
    <td class="wide when">
      <Timestamp at={it.lastSucceededAt} />
    </td>
  </tr>
)

export const nameOfEndpoint = ({ description, url, id }: EndpointWithBacklog): string => description || url || id

/** An active one that accepts nothing is failing. */
export const stateOfEndpoint = ({ state, firstFailedAt }: EndpointWithBacklog): string =>
  state === 'active' && firstFailedAt !== null ? 'failing' : state
