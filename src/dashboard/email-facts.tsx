/** What is known of an email, besides its events. */
import type { ComponentChildren } from 'preact'
import type { storedEmailView } from '../api/email-view.ts'
import { pathWith } from './pager.tsx'
import { PriorityWord } from './status.tsx'
import { Moment } from './time.tsx'
import { duration, phrase } from './words.ts'

export type EmailView = ReturnType<typeof storedEmailView>

/** Characters that fit into two or three lines of a column. */
const longText = 60

export const EmailFacts = ({ email }: { email: EmailView }) => (
  <dl class="facts card">
    <Fact name="Delivery">
      {phrase(email.delivery)}
      {email.deliveryTimeMs !== null && <span class="muted"> in {duration(email.deliveryTimeMs)}</span>}
    </Fact>
    <Fact name="Sent">
      <Moment at={email.sentAt} zone />
    </Fact>
    <Fact name="Delivered">
      <Moment at={email.deliveredAt} zone />
    </Fact>
    <Fact name="Opens">{engagement(email.opens)}</Fact>
    <Fact name="Clicks">{engagement(email.clicks)}</Fact>
    {email.bounce && (
      <Fact name="Bounce" wholeRow={(email.bounce.message ?? '').length > longText}>
        {phrase(email.bounce.class)}
        {email.bounce.code && <code> {email.bounce.code}</code>}
        {email.bounce.message && (
          <span class="muted block">
            <bdi>{email.bounce.message}</bdi>
          </span>
        )}
      </Fact>
    )}
    {email.complainedAt && (
      <Fact name="Complained">
        <Moment at={email.complainedAt} zone />
      </Fact>
    )}
    {Array.isArray(email.to) && (
      <Fact name="Recipients" wholeRow>
        {email.to.map((address) => (
          <bdi key={address} class="address">
            {address}
          </bdi>
        ))}
      </Fact>
    )}
    <Fact name="Priority">
      <PriorityWord of={email.priority} />
    </Fact>
    {email.tags.length > 0 && (
      <Fact name="Tags" wholeRow={email.tags.join('').length > longText}>
        {email.tags.map((tag) => (
          <a key={tag} class="tag" href={pathWith('/emails', { tag })}>
            <bdi>{tag}</bdi>
          </a>
        ))}
      </Fact>
    )}
    <Fact name="Provider">{email.provider}</Fact>
    <Fact name="Email ID">
      <code>{email.id}</code>
    </Fact>
    <Fact name="Workflow ID">
      <code>{email.workflowId}</code>
    </Fact>
  </dl>
)

interface FactProps {
  readonly name: string
  /** For what would be a tower of words in a narrow column. */
  readonly wholeRow?: boolean
  readonly children: ComponentChildren
}

export const Fact = ({ name, wholeRow = false, children }: FactProps) => (
  <div class={wholeRow ? 'whole-row' : undefined}>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
)

function engagement({ total, human }: EmailView['opens']): string {
  if (total === 0) return 'None'
  return human === total ? `${total}, by people` : `${total}, of which ${human === 0 ? 'none' : human} by people`
}
