import { type PublishedKey, tagsOf } from '../published-dns.ts'
import { type DomainFinding, finding, type ReportedMail, unanswered } from './finding.ts'

/** RFC 8301 §3.2: receivers count shorter keys as failed; signers should use 2048. */
const [leastBits, recommendedBits] = [1_024, 2_048]

/** The key of a selector that has signed mail of the domain: RFC 6376 §3.6.1. */
export function dkimFindings({ domain, selector, records, bits, isReadable }: PublishedKey): DomainFinding[] {
  const name = `${selector}._domainkey.${domain}`
  if (records === null) return [unanswered('dkim', name)]
  const [record, ...others] = records
  if (record === undefined)
    return [
      keyFinding('error', 'dkim_missing', `Mail is signed with the key ${name}, which DNS does not have.`, publish),
    ]
  if (others.length > 0)
    return [keyFinding('error', 'dkim_several', `There are several records at ${name}.`, 'Delete all but one.')]
  const tags = tagsOf(record)
  if (tags.get('p') === '')
    return [
      keyFinding(
        'error',
        'dkim_revoked',
        `Mail is signed with the key ${name}, which is revoked (p is empty).`,
        publish,
      ),
    ]
  if (!isReadable)
    return [keyFinding('error', 'dkim_unreadable', `The key at ${name} cannot be read: signatures fail.`, publish)]
  return [
    ...lengthFindings(name, bits),
    ...((tags.get('t') ?? '').split(':').includes('y')
      ? [
          keyFinding(
            'advice',
            'dkim_testing',
            `The key at ${name} is marked as a test (t=y): receivers may ignore it.`,
            'Remove t=y.',
          ),
        ]
      : []),
  ]
}

const keyFinding = (severity: DomainFinding['severity'], code: string, problem: string, change: string) =>
  finding('dkim', severity, code, problem, change)

const publish = 'Publish the key that your provider or mail server names for this selector, or stop signing with it.'
const renew = 'Create a key of 2048 bits at your provider or mail server, under a new selector.'

function lengthFindings(name: string, bits: number | null): DomainFinding[] {
  if (bits === null || bits >= recommendedBits) return []
  return bits < leastBits
    ? [keyFinding('error', 'dkim_short', `The key at ${name} has ${bits} bits: receivers count it as failed.`, renew)]
    : [keyFinding('advice', 'dkim_short', `The key at ${name} has ${bits} bits, which is not safe for long.`, renew)]
}

/** Without one aligned signature, forwarded mail fails DMARC: forwarding breaks SPF. */
export const unsignedFindings = (domain: string, reported: ReportedMail | null): DomainFinding[] =>
  reported === null || reported.messages === 0 || reported.dkimAligned > 0
    ? []
    : [
        keyFinding(
          'warning',
          'dkim_not_aligned',
          `No reported message has a DKIM signature of ${domain}: forwarded mail then fails DMARC.`,
          `Set up DKIM with the domain ${domain} at every provider and mail server that sends for it.`,
        ),
      ]
