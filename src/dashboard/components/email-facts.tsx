/** The facts of an email: delivery, engagement, recipients, IDs. */

import type { EmailView } from '../../api/email-view.ts'
import { searchOfPair } from '../email-search.ts'
import { pathWith } from '../paths.ts'
import { Fact } from './fact.tsx'
import { duration, phrase } from './labels.ts'
import { PriorityLabel } from './status.tsx'
import { Timestamp } from './timestamp.tsx'

/** Longer texts get a whole row: in a column they would take more than three lines. */
const longTextLength = 60

export const EmailFacts = ({ email }: { email: EmailView }) => (
  <dl class="facts card">
    <Fact name="Delivery">
      {phrase(email.delivery)}
      {email.deliveryTimeMs !== null && <span class="muted"> in {duration(email.deliveryTimeMs)}</span>}
    </Fact>
    <Fact name="Sent">
      <Timestamp at={email.sentAt} zone />
    </Fact>
    <Fact name="Delivered">
      <Timestamp at={email.deliveredAt} zone />
    </Fact>
    <Fact name="Opens">{engagement(email.opens)}</Fact>
    <Fact name="Clicks">{engagement(email.clicks)}</Fact>
    {email.bounce && (
      <Fact name="Bounce" wholeRow={(bounceMessage(email) ?? '').length > longTextLength}>
        {phrase(email.bounce.class)}
        {email.bounce.code && <code> {email.bounce.code}</code>}
        {bounceMessage(email) && (
          <span class="muted block">
            <bdi>{bounceMessage(email)}</bdi>
          </span>
        )}
      </Fact>
    )}
    {email.complainedAt && (
      <Fact name="Complained">
        <Timestamp at={email.complainedAt} zone />
      </Fact>
    )}
    {Array.isArray(email.to) && email.recipients.length < 2 && (
      <Fact name="Recipients" wholeRow>
        {email.to.map((address) => (
          <bdi key={address} class="address">
            {address}
          </bdi>
        ))}
      </Fact>
    )}
    {email.foundBy !== null && (
      <Fact name="Found by">
        {email.foundBy === 'reconciling' ? 'Reconciling' : 'Asking the provider'}: nobody registered it, and no webhook
        reported it
      </Fact>
    )}
    <Fact name="Priority">
      <PriorityLabel of={email.priority} />
    </Fact>
    {email.tags.length > 0 && (
      <Fact name="Tags" wholeRow={email.tags.join('').length > longTextLength}>
        {email.tags.map((tag) => (
          <a key={tag} class="tag" href={pathWith('/emails', { tag })}>
            <bdi>{tag}</bdi>
          </a>
        ))}
      </Fact>
    )}
    <OwnIds email={email} />
    <Fact name="Provider">{email.provider}</Fact>
    <Fact name="Email ID">
      <code>{email.id}</code>
    </Fact>
    <Fact name="Workflow ID">
      <code>{email.workflowId}</code>
    </Fact>
  </dl>
)

/** The application's own ID and pairs. No address is written into a URL. */
const OwnIds = ({ email: { externalId, metadata } }: { email: EmailView }) => (
  <>
    {externalId !== null && (
      <Fact name="External ID" wholeRow={externalId.length > longTextLength}>
        <code>{externalId}</code>
      </Fact>
    )}
    {Object.keys(metadata).length > 0 && (
      <Fact name="Metadata" wholeRow={JSON.stringify(metadata).length > longTextLength}>
        {Object.entries(metadata).map(([key, value]) => (
          <MetadataPair key={key} name={key} value={value} />
        ))}
      </Fact>
    )}
  </>
)

function MetadataPair({ name, value }: { name: string; value: string }) {
  const text = searchOfPair(name, value)
  return text.includes('@') ? (
    <bdi class="tag">{text}</bdi>
  ) : (
    <a class="tag" href={pathWith('/emails', { q: text })}>
      <bdi>{text}</bdi>
    </a>
  )
}

/** Null if it says no more than the line that decided, which is shown with the failure. */
const bounceMessage = ({ bounce, failure, recipients }: EmailView): string | null =>
  recipients.length === 1 && bounce?.message === failure?.evidence ? null : (bounce?.message ?? null)

function engagement({ total, human }: EmailView['opens']): string {
  if (total === 0) return 'None'
  return human === total ? `${total}, by people` : `${total}, of which ${human === 0 ? 'none' : human} by people`
}
