/** The page of a person: the next step, what is known, suppressions, and the emails. */
import type { PersonView } from '../../api/person-view.ts'
import type { NextActor } from '../../domain/next-step.ts'
import { emailPath } from '../paths.ts'
import { Allowed } from './allowed.tsx'
import { Address, Subject } from './email-table.tsx'
import { Fact } from './fact.tsx'
import { FailureText } from './failure.tsx'
import { counted, phrase } from './labels.ts'
import { EmptyState, PageHead } from './layout.tsx'
import { type PageLinks, Pager } from './pager.tsx'
import { PersonEmails } from './person-emails.tsx'
import { PersonSuppressions } from './person-suppressions.tsx'
import { Status } from './status.tsx'
import { Timestamp } from './timestamp.tsx'

/** @param rejected what was searched for, if it is no address. */
export const PersonSearch = ({ rejected }: { rejected: string | null }) => (
  <>
    <PageHead title="Recipients" />
    <search>
      <form class="filter" method="post" action="/search">
        <label class="search">
          <span class="hidden-text">Address</span>
          <input
            type="search"
            name="q"
            value={rejected ?? ''}
            placeholder="Complete address of a person"
            maxLength={1_000}
            dir="auto"
            aria-invalid={rejected === null ? undefined : 'true'}
            aria-describedby={rejected === null ? undefined : 'error'}
          />
        </label>
        <button type="submit" class="primary">
          Search
        </button>
      </form>
    </search>
    {rejected !== null && (
      <p class="error" role="alert" id="error">
        Enter one complete address, such as ada@example.com.
      </p>
    )}
    {rejected === null && (
      <EmptyState title="Why did somebody not get an email?">
        Search for the person's address, here or on any page: you see what happened to each email, whether the address
        is suppressed and why, who must act, and what to do next.
      </EmptyState>
    )}
  </>
)

interface PersonProps {
  readonly person: PersonView
  /** Between the pages of the emails. */
  readonly links: PageLinks
  /** The path of this page, without the address. */
  readonly back: string
}

export const Person = ({ person, links, back }: PersonProps) => (
  <>
    <PageHead title={<Address of={person.address} />} parent="/recipients">
      {!person.suppressed && (
        <Allowed to="suppress">
          <SuppressForm address={person.address} back={back} />
        </Allowed>
      )}
    </PageHead>
    <NextStep {...person.nextStep} />
    <PersonFacts person={person} />
    <PersonSuppressions person={person} back={back} />
    {person.emails.data.length > 0 && (
      <section aria-labelledby="emails">
        <h2 id="emails">Emails</h2>
        <PersonEmails emails={person.emails.data} />
        <Pager {...links} />
      </section>
    )}
  </>
)

const actors: Readonly<Record<NextActor, string>> = {
  recipient: 'the recipient',
  sender: 'you, the sender',
  receiver: 'whoever runs the recipient’s mail',
  provider: 'your email provider',
  unknown: 'it is not known who',
  nobody: 'nobody',
}

const NextStep = ({ actor, sentence }: PersonView['nextStep']) => (
  <section class={`card next-step ${actor === 'nobody' ? 'neutral' : 'warning'}`} aria-labelledby="next-step">
    <h2 id="next-step">What to do</h2>
    <p class="next-sentence">
      <bdi>{sentence}</bdi>
    </p>
    <p class="muted">Who must act: {actors[actor]}</p>
  </section>
)

const SuppressForm = ({ address, back }: { address: string; back: string }) => (
  <form method="post" action="/suppressions">
    <input type="hidden" name="address" value={address} />
    <input type="hidden" name="note" value="From the page of the recipient" />
    <input type="hidden" name="back" value={back} />
    <button type="submit">Suppress recipient</button>
  </form>
)

const PersonFacts = ({ person: { suppression, last, emailCount, subscriptions } }: { person: PersonView }) => (
  <dl class="facts card">
    <Fact name="Suppressed">
      {suppression ? (
        <>
          {phrase(suppression.reason)}, since <Timestamp at={suppression.since} zone />
        </>
      ) : (
        'No'
      )}
    </Fact>
    <Fact name="Emails">{counted(emailCount, 'email')}</Fact>
    <Fact name="What happened last" wholeRow>
      {last ? <Last of={last} /> : 'Nothing is known'}
    </Fact>
    {subscriptions.map(({ provider, list, state, at }) => (
      <Fact key={`${provider} ${list}`} name={list === null ? 'All emails' : `List “${list}”`}>
        {phrase(state)} <Timestamp at={at} zone />
        <span class="muted block">at {provider}</span>
      </Fact>
    ))}
  </dl>
)

const Last = ({ of: { what, at, email, failure } }: { of: NonNullable<PersonView['last']> }) => (
  <>
    <Status of={what} /> <Timestamp at={at} zone />
    {email && (
      <span class="block">
        <a href={emailPath(email.provider, email.id)}>
          <Subject of={email.subject} />
        </a>
      </span>
    )}
    {failure && <FailureText of={failure} />}
  </>
)
