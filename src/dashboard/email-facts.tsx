/** What is known of an email, besides its events. */
import type { ComponentChildren } from 'preact'
import type { storedEmailView } from '../api/email-view.ts'
import { pathWith } from './pager.tsx'
import { PriorityWord } from './status.tsx'
import { Moment } from './time.tsx'
import { duration, phrase } from './words.ts'

export type EmailView = ReturnType<typeof storedEmailView>

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
      <Fact name="Bounce">
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
    {Array.isArray(email.to) && <Fact name="Recipients">{email.to.join(', ')}</Fact>}
    <Fact name="Priority">
      <PriorityWord of={email.priority} />
    </Fact>
    {email.tags.length > 0 && (
      <Fact name="Tags">
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

export const Fact = ({ name, children }: { name: string; children: ComponentChildren }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
)

function engagement({ total, human }: EmailView['opens']): string {
  if (total === 0) return 'None'
  return human === total ? `${total}, by people` : `${total}, of which ${human === 0 ? 'none' : human} by people`
}
