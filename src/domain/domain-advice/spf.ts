import type { PublishedSpf, SpfProblem } from '../published-dns.ts'
import { spfLookupLimit, spfMailHostLimit, spfTermsOf, spfVoidLookupLimit } from '../spf.ts'
import { type DomainFinding, finding, type ReportedSource, unanswered } from './finding.ts'

/** Addresses in one proposed record: more make it longer than a DNS answer should be. */
const proposedAddresses = 10

/** SPF as it is published for a domain of return paths: RFC 7208. @param sources what reports say of those that send. */
export function spfFindings(
  { domain, records, lookups, voidNames, problems }: PublishedSpf,
  sources: readonly ReportedSource[],
): DomainFinding[] {
  if (records === null) return [unanswered('spf', domain)]
  const [record, ...others] = records
  if (record === undefined) return [missing(domain, sources)]
  if (others.length > 0) return [several(domain)]
  return [
    ...problems.map((problem) => problemFinding(domain, problem)),
    ...lookupFindings(domain, lookups),
    ...voidFindings(domain, voidNames),
    ...allFindings(domain, record),
    ...(spfTermsOf(record).usesPtr ? [ptr(domain)] : []),
  ]
}

/** Sources whose signatures prove that they send for the domain are its own. */
function missing(domain: string, sources: readonly ReportedSource[]): DomainFinding {
  const own = sources.filter(({ dkimAligned }) => dkimAligned > 0).slice(0, proposedAddresses)
  const addresses = own.map(({ sourceIp }) => `${sourceIp.includes(':') ? 'ip6' : 'ip4'}:${sourceIp}`)
  return own.length === 0
    ? finding(
        'spf',
        'warning',
        'spf_missing',
        `${domain} has no SPF record.`,
        'Publish the one that your provider names. If no mail has a return path at this domain, publish this one.',
        { name: domain, value: 'v=spf1 -all' },
      )
    : finding(
        'spf',
        'warning',
        'spf_missing',
        `${domain} has no SPF record.`,
        'Publish the one that your provider names; of your own servers, these have signed for the domain.',
        { name: domain, value: ['v=spf1', ...addresses, '~all'].join(' ') },
      )
}

const several = (domain: string): DomainFinding =>
  finding(
    'spf',
    'error',
    'spf_several',
    `${domain} has several SPF records: receivers then count SPF as failed (RFC 7208 §4.5).`,
    'Put the terms of all of them into one record, and delete the others.',
  )

const problemTexts: Readonly<Record<SpfProblem['kind'], readonly [problem: string, change: string]>> = {
  syntax: ['has the unknown term “{at}”: receivers count SPF as failed.', 'Correct or remove the term.'],
  no_record: ['includes {at}, which has no SPF record: receivers count SPF as failed.', 'Remove the include.'],
  loop: ['includes {at}, which includes it again: receivers count SPF as failed.', 'Remove one of the includes.'],
  too_many_mail_hosts: [
    `looks up the MX records of {at}, which are more than ${spfMailHostLimit}: receivers count SPF as failed (RFC 7208 §4.6.4).`,
    'Replace mx by ip4 and ip6.',
  ],
  unanswered: ['includes {at}, for which DNS did not answer.', 'Load this again. If it stays so, remove the include.'],
}

function problemFinding(domain: string, { kind, at }: SpfProblem): DomainFinding {
  const [problem, change] = problemTexts[kind]
  const severity = kind === 'unanswered' ? 'warning' : 'error'
  return finding('spf', severity, `spf_${kind}`, `The SPF record of ${domain} ${problem.replace('{at}', at)}`, change)
}

function lookupFindings(domain: string, lookups: number): DomainFinding[] {
  if (lookups > spfLookupLimit)
    return [
      finding(
        'spf',
        'error',
        'spf_too_many_lookups',
        `The SPF record of ${domain} needs ${lookups} DNS lookups, and receivers stop at ${spfLookupLimit}: they count SPF as failed (RFC 7208 §4.6.4).`,
        'Remove includes of services that send nothing any more, and replace a and mx by ip4 and ip6.',
      ),
    ]
  if (lookups < spfLookupLimit - 1) return []
  return [
    finding(
      'spf',
      'advice',
      'spf_many_lookups',
      `The SPF record of ${domain} needs ${lookups} of the ${spfLookupLimit} DNS lookups that receivers make: the next include may break it.`,
      'Remove includes of services that send nothing any more.',
    ),
  ]
}

function voidFindings(domain: string, names: readonly string[]): DomainFinding[] {
  if (names.length === 0) return []
  const isOver = names.length > spfVoidLookupLimit
  const found = `The SPF record of ${domain} looks up ${names.join(', ')}, which DNS does not have`
  return [
    finding(
      'spf',
      isOver ? 'error' : 'advice',
      isOver ? 'spf_too_many_void_lookups' : 'spf_void_lookups',
      isOver
        ? `${found}: receivers stop after ${spfVoidLookupLimit} such names, and count SPF as failed (RFC 7208 §4.6.4).`
        : `${found}: after ${spfVoidLookupLimit} such names, receivers count SPF as failed (RFC 7208 §4.6.4).`,
      'Remove the terms with these names, or correct the names.',
    ),
  ]
}

function allFindings(domain: string, record: string): DomainFinding[] {
  const { all, redirect } = spfTermsOf(record)
  const ending = (value: string) => ({ name: domain, value })
  if (all === '+')
    return [
      finding(
        'spf',
        'error',
        'spf_allows_all',
        `+all in the SPF record of ${domain} lets every host in the world pass.`,
        'End the record with ~all.',
        ending(record.replace(/(^| )\+?all(?= |$)/i, '$1~all')),
      ),
    ]
  if (all === '?')
    return [
      finding(
        'spf',
        'warning',
        'spf_neutral',
        `?all in the SPF record of ${domain} says nothing about other hosts.`,
        'End the record with ~all.',
        ending(record.replace(/\?all(?= |$)/i, '~all')),
      ),
    ]
  if (all !== null || redirect !== null) return []
  return [
    finding(
      'spf',
      'warning',
      'spf_open_end',
      `The SPF record of ${domain} does not say what holds for other hosts.`,
      'End the record with ~all.',
      ending(`${record} ~all`),
    ),
  ]
}

const ptr = (domain: string): DomainFinding =>
  finding(
    'spf',
    'advice',
    'spf_ptr',
    `The SPF record of ${domain} uses ptr, which RFC 7208 §5.5 advises against: some receivers ignore it.`,
    'Replace it by ip4 and ip6.',
  )
