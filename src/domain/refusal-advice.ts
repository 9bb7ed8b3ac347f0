/** What senders do about emails that are refused through their own fault, by the pages of the receivers and providers. */
import type { FailureParty, FailureReason } from './failure.ts'

interface Advice {
  /** One sentence. `{domain}` stands for `example.com`, or for words that describe the domain where the reply does not name it. */
  readonly text: string
  readonly source: string
}

const guidelines = 'support.google.com/mail/answer/81126; senders.yahooinc.com/best-practices'

const advice: Partial<Record<FailureReason, Advice>> = {
  authentication: {
    text: 'Fix SPF, DKIM and DMARC of {domain}: both must pass, and one must match the domain of the From address.',
    source: `${guidelines}; support.microsoft.com (NDR error 550 5.7.515 in Outlook.com)`,
  },
  blocked_reputation: {
    text: 'Send to people who asked for it only, until complaints and unknown recipients are few, and ask the receiver to lift the block.',
    source: `${guidelines}; sendersupport.olc.protection.outlook.com`,
  },
  blocked_list: {
    text: 'Remove the cause of the listing, then ask the list that the reply names to remove the IP address or domain.',
    source: 'spamhaus.org/faqs; sender.office.com; support.apple.com/102322',
  },
  bad_sender: {
    text: 'Send from {domain} only if it exists in DNS and accepts email: its MX or address records are missing or wrong.',
    source: 'RFC 5321 §4.5.1; senders.yahooinc.com/smtp-error-codes',
  },
  spam_content: {
    text: 'Compare these emails with accepted ones: change the links, texts and attachments that a filter may take for spam.',
    source: guidelines,
  },
  virus: {
    text: 'Remove the attachment or link that the filter names; link to files of your own in place of attaching them.',
    source: 'support.google.com/mail/answer/6590 (blocked file types)',
  },
  too_large: {
    text: 'Send less: link to large files in place of attaching them.',
    source: 'support.google.com/mail/answer/6584; RFC 1870',
  },
  rate_limited: {
    text: 'Send more slowly, and raise the volume over days rather than at once.',
    source: `${guidelines}; learn.microsoft.com (receiving and sending limits of Exchange Online)`,
  },
  protocol_error: {
    text: 'Check the headers and the format of these emails by RFC 5322; ask the provider if they are right.',
    source: guidelines,
  },
  provider_refused: {
    text: 'Check quota, account state and verified domains at the provider.',
    source: 'the pages of SendGrid, Postmark, Amazon SES and Resend on drops and rejects',
  },
}

const otherwise = 'Do what the reply asks of senders.'

/** What to do about refusals for this reason. @param domain of the sender, if it is known. */
export const refusalAdvice = (reason: FailureReason, domain: string | null): string =>
  (advice[reason]?.text ?? otherwise).replace('{domain}', domain ?? 'your sending domain')

/** A domain whose last label is none of an IP address. */
const name = '((?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\\.)+[a-z](?:[a-z0-9-]*[a-z0-9]))'

/** Where replies name the sender's domain: Google's and Microsoft's texts on authentication, SPF and DMARC results, sender checks. */
const beforeDomain = [
  'email from',
  'sending domain',
  'sender domain',
  "sender(?:'s|’s) domain",
  'spf',
  'dkim',
  'dmarc(?: policy)?(?: of| for)?',
  'from domain',
  'header\\.from=',
  'domain of(?: sender)?',
  'not authorized for(?: domain)?',
]

const senderDomain = new RegExp(`\\b(?:${beforeDomain.join('|')})\\s*[[:("'‘“]?\\s*${name}`, 'i')

/** The sender's domain, if a reply names it where replies do; null if not. */
export const senderDomainIn = (reply: string | null): string | null =>
  senderDomain.exec(reply ?? '')?.[1]?.toLowerCase() ?? null

/** What is refused for the domain itself, whose DNS records, sources and reports then show what to change. */
const reasonsOfDomain: ReadonlySet<string> = new Set<FailureReason>([
  'authentication',
  'bad_sender',
  'blocked_reputation',
  'blocked_list',
])

/** Whether the page of the sender's domain is the place to look at after such a failure. */
export const isOfSenderDomain = ({
  reason,
  party,
}: {
  readonly reason: string
  readonly party: FailureParty
}): boolean => party === 'sender' && reasonsOfDomain.has(reason)
