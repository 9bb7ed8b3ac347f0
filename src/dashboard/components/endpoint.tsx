/** One endpoint: its state, its commands, its attempts. */
import type { ComponentChildren } from 'preact'
import type { EndpointWithBacklog } from '../../db/endpoints-read.ts'
import type { EndpointFilters } from '../../domain/endpoint.ts'
import { pauseReasons } from '../../domain/endpoint.ts'
import { endpointPath } from '../paths.ts'
import { Allowed } from './allowed.tsx'
import { EndpointAttempts, type EndpointAttemptsProps } from './endpoint-attempts.tsx'
import { NewSecret } from './endpoint-form.tsx'
import { nameOfEndpoint, stateOfEndpoint } from './endpoint-list.tsx'
import { Fact } from './fact.tsx'
import { cappedCount } from './labels.ts'
import { Status } from './status.tsx'
import { Timestamp } from './timestamp.tsx'

export interface EndpointPageProps extends EndpointAttemptsProps {
  readonly endpoint: EndpointWithBacklog
  /** The secret that was just added. */
  readonly secret?: string
}

export const EndpointPage = ({ endpoint, secret, ...attempts }: EndpointPageProps) => (
  <>
    <p class="crumb">
      <a href="/setup/endpoints">Endpoints</a>
    </p>
    <div class="page-head">
      <h1>
        <bdi>{nameOfEndpoint(endpoint)}</bdi>
      </h1>
      <div class="actions">
        <Command of={endpoint} name="test">
          Send a test event
        </Command>
        {endpoint.state === 'active' && (
          <Command of={endpoint} name="pause">
            Pause
          </Command>
        )}
      </div>
    </div>
    <div class="stack">
      {secret !== undefined && <NewSecret secret={secret}>The new signing secret</NewSecret>}
      {endpoint.state === 'paused' && <Paused endpoint={endpoint} />}
      <Facts of={endpoint} />
      <EndpointAttempts {...attempts} />
      <Replay of={endpoint} />
      <Allowed to="endpoints">
        <Secrets of={endpoint} />
        <Delete of={endpoint} />
      </Allowed>
    </div>
  </>
)

interface CommandProps {
  readonly of: EndpointWithBacklog
  readonly name: string
  readonly isPrimary?: boolean
  readonly children: ComponentChildren
  /** Further fields. */
  readonly fields?: ComponentChildren
}

const Command = ({ of: { id }, name, isPrimary = false, fields, children }: CommandProps) => (
  <form class="form-row" method="post" action={`${endpointPath(id)}/${name}`}>
    {fields}
    <button type="submit" class={isPrimary ? 'primary' : undefined}>
      {children}
    </button>
  </form>
)

const Paused = ({ endpoint }: { endpoint: EndpointWithBacklog }) => (
  <section class="card" aria-labelledby="paused">
    <h2 id="paused">Paused: {pauseReasons[endpoint.pausedReason as keyof typeof pauseReasons] ?? ''}</h2>
    <p>
      Events that were not sent: {cappedCount(endpoint.pending)}. Resume with them, or with what happens from now on.
    </p>
    <div class="actions">
      <Command of={endpoint} name="resume" isPrimary>
        Resume, and send what was missed
      </Command>
      <Command of={endpoint} name="resume" fields={<input type="hidden" name="skip" value="yes" />}>
        Resume, and drop what was missed
      </Command>
    </div>
  </section>
)

const Facts = ({ of: it }: { of: EndpointWithBacklog }) => (
  <dl class="facts card">
    <Fact name="State">
      <Status of={stateOfEndpoint(it)} />
    </Fact>
    <Fact name="Pending">{cappedCount(it.pending)}</Fact>
    <Fact name="Last accepted">
      <Timestamp at={it.lastSucceededAt} zone />
    </Fact>
    {it.firstFailedAt && (
      <Fact name="Failing since">
        <Timestamp at={it.firstFailedAt} zone />
      </Fact>
    )}
    <Fact name="URL" wholeRow>
      {it.url === null ? 'None: its webhooks are pulled' : <code>{it.url}</code>}
    </Fact>
    <Fact name="Events" wholeRow>
      {it.eventTypes.length === 0 ? 'All' : <code>{it.eventTypes.join(' ')}</code>}
    </Fact>
    {filterText(it.filters as EndpointFilters) && (
      <Fact name="Only for" wholeRow>
        <bdi>{filterText(it.filters as EndpointFilters)}</bdi>
      </Fact>
    )}
    <Fact name="Created">
      <Timestamp at={it.createdAt} zone /> by <bdi>{it.createdBy}</bdi>
    </Fact>
    <Fact name="ID">
      <code>{it.id}</code>
    </Fact>
  </dl>
)

const filterText = ({ providers, tags, priorities }: EndpointFilters): string =>
  [
    ...[providers && `providers ${providers.join(', ')}`, tags && `tags ${tags.join(', ')}`],
    priorities && `priorities ${priorities.join(', ')}`,
  ]
    .filter(Boolean)
    .join('; ')

const spans = { '1h': 'the last hour', '24h': 'the last 24 hours', '7d': 'the last 7 days' } as const
export const replaySpans = Object.keys(spans) as (keyof typeof spans)[]

interface SelectProps {
  readonly name: string
  readonly label: string
  /** Each as its value and text; the first is the default. */
  readonly options: readonly (readonly [value: string, text: string])[]
}

const Select = ({ name, label, options }: SelectProps) => (
  <label>
    {label}
    <select name={name}>
      {options.map(([value, text]) => (
        <option key={value} value={value}>
          {text}
        </option>
      ))}
    </select>
  </label>
)

const Replay = ({ of: endpoint }: { of: EndpointWithBacklog }) => (
  <section class="card" aria-labelledby="replay">
    <h2 id="replay">Send again</h2>
    <p>What was sent before is sent once more, with the same ID: a receiver that remembers IDs ignores what it has.</p>
    <Command
      of={endpoint}
      name="replay"
      fields={<Select name="since" label="What was sent in" options={Object.entries(spans)} />}
    >
      Send again
    </Command>
  </section>
)

const overlaps = [
  ['86400', 'another day'],
  ['604800', 'another 7 days'],
  ['0', 'no longer'],
] as const

const Secrets = ({ of: endpoint }: { of: EndpointWithBacklog }) => (
  <section class="card" aria-labelledby="secrets">
    <h2 id="secrets">Signing secret</h2>
    <p>A new secret signs beside the present ones until those expire, so that the receiver can change at leisure.</p>
    <Command
      of={endpoint}
      name="secret"
      fields={<Select name="overlap" label="The present secrets sign for" options={overlaps} />}
    >
      Add a new secret
    </Command>
  </section>
)

const Delete = ({ of: endpoint }: { of: EndpointWithBacklog }) => (
  <details class="card remove-form">
    <summary>Delete this endpoint</summary>
    <p>What it has not received is dropped.</p>
    <Command of={endpoint} name="delete">
      Delete
    </Command>
  </details>
)
