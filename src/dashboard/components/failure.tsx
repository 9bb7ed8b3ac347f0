/** Why a delivery failed, in words: the reason, who must act, and the evidence. */
import type { FailureView } from '../../api/failure-view.ts'
import { failureLabelOf, partyLabelOf } from '../../domain/failure-labels.ts'
import { isOfSenderDomain, senderDomainIn } from '../../domain/refusal-advice.ts'
import { domainPath, pathWith } from '../paths.ts'
import { Fact } from './fact.tsx'
import { phrase } from './labels.ts'

/** In a few lines, for a table or a card. */
export const FailureLines = ({ of: failure }: { of: FailureView }) => (
  <>
    <span class="strong">{failureLabelOf(failure.reason).label}</span>
    <span class="block">Who must act: {partyLabelOf(failure.party).actor}</span>
    <Evidence of={failure} />
    <DomainLink of={failure} />
  </>
)

/**
 * Leads to what is wrong with the sender's domain, if the failure is about it. Only the reply says which domain it was: no event has the
 * sender.
 */
export function DomainLink({
  of: failure,
}: {
  of: Pick<FailureView, 'party' | 'evidence'> & { readonly reason: string }
}) {
  if (!isOfSenderDomain(failure)) return null
  const domain = senderDomainIn(failure.evidence)
  return domain === null ? (
    <a class="block" href="/domains">
      Check your sending domain
    </a>
  ) : (
    <a class="block" href={domainPath(domain)}>
      Check <bdi>{domain}</bdi>
    </a>
  )
}

/** The reason, whose fault it was, and the line of the response that decided, with its rule. */
export const FailureText = ({ of: { reason, party, code, evidence, rule } }: { of: FailureView }) => (
  <span class="block">
    {failureLabelOf(reason).label}
    {code && <code> {code}</code>}
    <span class="muted"> · cause: {partyLabelOf(party).label.toLowerCase()}</span>
    {rule && (
      <span class="muted small">
        {' '}
        · rule <code>{rule}</code>
      </span>
    )}
    {evidence && (
      <span class="muted small block evidence">
        <bdi>{evidence}</bdi>
      </span>
    )}
  </span>
)

/** The line that decided, else the code. */
const Evidence = ({ of: { evidence, code } }: { of: FailureView }) =>
  evidence === null && code === null ? null : (
    <code class="evidence block muted">
      <bdi>{evidence ?? code}</bdi>
    </code>
  )

const headings: Readonly<Record<string, string>> = { bounced: 'Why it bounced', failed: 'Why it failed' }

interface FailureCardProps {
  readonly of: FailureView
  /** The state of the delivery that failed. */
  readonly delivery: string
}

/** The whole explanation. */
export function FailureCard({ of: failure, delivery }: FailureCardProps) {
  const { label, sentence } = failureLabelOf(failure.reason)
  return (
    <section class="card" aria-labelledby="failure">
      <h2 id="failure">{headings[delivery] ?? 'Why an attempt failed'}</h2>
      <p>
        <strong>{label}.</strong> {sentence}
      </p>
      <dl class="facts">
        <Fact name="Who must act">{phrase(partyLabelOf(failure.party).actor)}</Fact>
        <Fact name="Would the same email fail again?">{finality(failure.isFinal)}</Fact>
        <Fact name="Code">{failure.code === null ? 'None' : <code>{failure.code}</code>}</Fact>
        <Fact name="Judged by the rule">
          {failure.rule === null ? 'No longer stored' : <code>{failure.rule}</code>}
        </Fact>
        {failure.evidence !== null && (
          <Fact name="The line that decided" wholeRow>
            <code>
              <bdi>{failure.evidence}</bdi>
            </code>
          </Fact>
        )}
      </dl>
      <p class="foot">
        <DomainLink of={failure} />
        <a href={pathWith('/emails', { reason: failure.reason })}>Emails with the same reason</a>
      </p>
    </section>
  )
}

const finality = (isFinal: boolean | null): string => (isFinal === null ? 'Not known' : isFinal ? 'Yes' : 'No')
