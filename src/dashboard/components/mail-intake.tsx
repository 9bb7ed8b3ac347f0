/** How whole mails come in, besides by webhooks. */
import type { Mailbox } from '../../db/generated/client.ts'
import { Fact } from './fact.tsx'
import { count, counted } from './labels.ts'
import { Timestamp } from './timestamp.tsx'

interface MailIntakeProps {
  /** A sentence on what is taken by SMTP or LMTP; null: nothing is. */
  readonly smtpIntake: string | null
  readonly mailboxes: readonly Mailbox[]
}

export const MailIntake = ({ smtpIntake, mailboxes }: MailIntakeProps) =>
  smtpIntake === null && mailboxes.length === 0 ? null : (
    <section aria-labelledby="mail-intake">
      <h2 id="mail-intake">Mail intake</h2>
      <div class="stack">
        {smtpIntake !== null && <p class="card">{smtpIntake}</p>}
        {mailboxes.map((mailbox) => (
          <MailboxCard key={mailbox.name} of={mailbox} />
        ))}
      </div>
    </section>
  )

const MailboxCard = ({ of: { name, mails, skipped, lastMailAt, readAt, failure, failingSince } }: { of: Mailbox }) => (
  <article class="card">
    <h3>Mailbox {name}</h3>
    <dl class="facts">
      <Fact name="Mails">
        {counted(Number(mails), 'mail')} read{skipped > 0n && `, ${count(Number(skipped))} left unread`}
      </Fact>
      <Fact name="Last mail">
        {lastMailAt ? <Timestamp at={lastMailAt} zone /> : <span class="muted">None yet</span>}
      </Fact>
      <Fact name="Last read">{readAt ? <Timestamp at={readAt} zone /> : <span class="muted">Not yet</span>}</Fact>
      {failure !== null && failingSince && (
        <Fact name="Not read">
          <span class="error">
            {failure}, since <Timestamp at={failingSince} zone />
          </span>
        </Fact>
      )}
    </dl>
  </article>
)
