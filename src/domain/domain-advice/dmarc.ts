import { isDmarcRecord, type PublishedDmarc, tagsOf, withTags } from '../published-dns.ts'
import { type DnsRecord, type DomainFinding, finding, type ReportedMail, unanswered } from './finding.ts'

/** So that a stricter policy refuses next to nothing of the domain's own mail, and is not decided by a handful of messages. */
const [readyShare, readyMessages] = [0.98, 100]

/**
 * DMARC as it is published: RFC 7489 §6, RFC 9989. Google, Yahoo and Microsoft demand a record of bulk senders
 * (support.google.com/mail/answer/81126, senders.yahooinc.com/best-practices).
 * @param reported null: there are no reports.
 */
export function dmarcFindings(domain: string, dmarc: PublishedDmarc, reported: ReportedMail | null): DomainFinding[] {
  if (dmarc.records === null) return [unanswered('dmarc', `_dmarc.${domain}`)]
  const [record, ...others] = dmarc.records
  const name = `_dmarc.${dmarc.foundAt ?? domain}`
  if (record === undefined) return [missing(domain)]
  if (others.length > 0) return [several(name, record)]
  const inherited = dmarc.foundAt !== null && dmarc.foundAt !== domain
  return [
    ...policyFindings({ name, value: record }, inherited, reported),
    ...reportFindings({ name, value: record }, dmarc),
  ]
}

const missing = (domain: string): DomainFinding =>
  finding(
    'dmarc',
    'error',
    'dmarc_missing',
    'There is no DMARC record. Large receivers refuse bulk mail without one, and everybody can send in the name of the domain.',
    'Publish one that changes nothing yet, with an address at which you receive reports.',
    { name: `_dmarc.${domain}`, value: `v=DMARC1; p=none; rua=mailto:dmarc@${domain}` },
  )

const several = (name: string, record: string): DomainFinding =>
  finding(
    'dmarc',
    'error',
    'dmarc_several',
    `There are several DMARC records at ${name}: receivers then apply none (RFC 7489 §6.6.3).`,
    'Delete all but one.',
    { name, value: record },
  )

const policies = ['none', 'quarantine', 'reject']

function policyFindings(record: DnsRecord, isInherited: boolean, reported: ReportedMail | null): DomainFinding[] {
  const tags = tagsOf(record.value)
  const written = tags.get('p')?.toLowerCase()
  const changed = (changes: Record<string, string | null>): DnsRecord => ({
    ...record,
    value: withTags(record.value, changes),
  })
  if (written === undefined || !policies.includes(written)) return [unknownPolicy(changed({ p: 'none' }))]
  const subdomains = tags.get('sp')?.toLowerCase() ?? written
  const effective = isInherited ? subdomains : written
  const found: DomainFinding[] = []
  if (effective !== 'reject') found.push(stricter(effective, isInherited ? 'sp' : 'p', changed, reported))
  if (!isInherited && written !== 'none' && subdomains === 'none') found.push(openSubdomains(changed({ sp: null })))
  if (written !== 'none' && tags.get('t')?.toLowerCase() === 'y') found.push(testing(changed({ t: null })))
  const percent = tags.get('pct')
  if (written !== 'none' && percent !== undefined && percent !== '100') found.push(partial(changed({ pct: null })))
  return found
}

const unknownPolicy = (record: DnsRecord): DomainFinding =>
  finding(
    'dmarc',
    'error',
    'dmarc_policy_unknown',
    'The DMARC record has no policy that receivers know (p=none, quarantine or reject).',
    'Correct the policy.',
    record,
  )

function stricter(
  effective: string,
  tag: 'p' | 'sp',
  changed: (changes: Record<string, string>) => DnsRecord,
  reported: ReportedMail | null,
): DomainFinding {
  const problem =
    effective === 'none'
      ? 'The policy is none: receivers deliver mail that is forged in the name of the domain.'
      : 'The policy is quarantine: mail that is forged in the name of the domain is delivered to spam folders.'
  const next = effective === 'none' ? 'quarantine' : 'reject'
  const isReady =
    reported !== null && reported.messages >= readyMessages && reported.aligned / reported.messages >= readyShare
  if (isReady)
    return finding(
      'dmarc',
      'advice',
      'dmarc_policy_ready',
      problem,
      `At least ${readyShare * 100} % of the reported messages pass: the policy ${next} is safe to publish, if the failing sources below are not yours.`,
      changed({ [tag]: next }),
    )
  return finding(
    'dmarc',
    'advice',
    'dmarc_policy_weak',
    problem,
    `Keep it until reports show at least ${readyMessages} messages of which ${readyShare * 100} % pass, then publish ${tag}=${next}.`,
  )
}

const openSubdomains = (record: DnsRecord): DomainFinding =>
  finding(
    'dmarc',
    'warning',
    'dmarc_subdomains_open',
    'sp=none leaves out every subdomain, also those that do not exist: forgers use them.',
    'Remove sp, so that the policy holds for subdomains too; give a subdomain that is not ready a record of its own.',
    record,
  )

const testing = (record: DnsRecord): DomainFinding =>
  finding(
    'dmarc',
    'advice',
    'dmarc_testing',
    't=y asks receivers not to apply the policy.',
    'Remove it when the reports show that your own mail passes.',
    record,
  )

const partial = (record: DnsRecord): DomainFinding =>
  finding(
    'dmarc',
    'advice',
    'dmarc_percent',
    'pct applies the policy to a share of the failing mail. RFC 9989 has removed it: some receivers ignore it.',
    'Remove it.',
    record,
  )

function reportFindings(record: DnsRecord, { foundAt, externalReports }: PublishedDmarc): DomainFinding[] {
  const address = tagsOf(record.value).get('rua')
  const value = withTags(record.value, { rua: `mailto:dmarc@${foundAt}` })
  const noReports = finding(
    'dmarc',
    'warning',
    'dmarc_no_reports',
    'The DMARC record asks for no reports (rua): nobody sees which mail fails.',
    'Add an address whose mail reaches Aftersend, or whose reports you import.',
    { ...record, value },
  )
  return [
    ...(address ? [] : [noReports]),
    ...externalReports
      .filter(({ isAccepted }) => isAccepted === false)
      .map(({ domain }) =>
        finding(
          'dmarc',
          'warning',
          'dmarc_reports_refused',
          `Reports go to ${domain}, which does not publish that it accepts them: receivers send none (RFC 7489 §7.1).`,
          'Publish this record at that domain, or use an address of your own domain.',
          { name: `${foundAt}._report._dmarc.${domain}`, value: 'v=DMARC1' },
        ),
      ),
  ]
}

/** Whether a record at `<domain>._report._dmarc.<destination>` accepts reports. */
export const acceptsReports = (records: readonly string[]): boolean => records.some(isDmarcRecord)
