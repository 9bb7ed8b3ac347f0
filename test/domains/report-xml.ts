/** The XML of a DMARC aggregate report for tests, as RFC 7489 appendix C has it. */

export interface RecordFields {
  readonly sourceIp?: string
  readonly messages?: number
  readonly dkim?: 'pass' | 'fail'
  readonly spf?: 'pass' | 'fail'
  readonly disposition?: string
  /** Elements within the record. */
  readonly more?: string
  /** Default: of the report. */
  readonly envelopeFrom?: string
  readonly dkimDomain?: string
}

export interface ReportFields {
  readonly domain?: string
  readonly reportId?: string
  readonly organization?: string
  /** Epoch seconds; the report covers a day. */
  readonly begin?: number
  readonly policy?: string
}

/** 2025-01-01T00:00:00Z. */
const defaultBegin = 1_735_689_600

export function reportXml(records: readonly RecordFields[], fields: ReportFields = {}): string {
  const { domain = 'example.com', reportId = 'r1', begin = defaultBegin, policy = 'none' } = fields
  return [
    '<?xml version="1.0" encoding="UTF-8"?>\n<feedback><version>1.0</version>',
    `<report_metadata><org_name>${fields.organization ?? 'Example Receiver'}</org_name><email>dmarc@receiver.example</email>`,
    `<report_id>${reportId}</report_id>`,
    `<date_range><begin>${begin}</begin><end>${begin + 86_399}</end></date_range></report_metadata>`,
    `<policy_published><domain>${domain}</domain><adkim>r</adkim><aspf>r</aspf><p>${policy}</p><sp>none</sp><pct>100</pct></policy_published>`,
    ...records.map((record) => recordXml(record, domain)),
    '</feedback>\n',
  ].join('\n')
}

function recordXml(record: RecordFields, domain: string): string {
  const { sourceIp = '192.0.2.1', messages = 1, dkim = 'pass', spf = 'pass', disposition = 'none', more = '' } = record
  const { envelopeFrom = domain, dkimDomain = domain } = record
  return [
    `<record><row><source_ip>${sourceIp}</source_ip><count>${messages}</count>`,
    `<policy_evaluated><disposition>${disposition}</disposition><dkim>${dkim}</dkim><spf>${spf}</spf></policy_evaluated></row>`,
    `<identifiers><envelope_from>${envelopeFrom}</envelope_from><header_from>${domain}</header_from></identifiers>`,
    `<auth_results><dkim><domain>${dkimDomain}</domain><selector>s1</selector><result>pass</result></dkim>`,
    `<spf><domain>${envelopeFrom}</domain><result>${spf}</result></spf></auth_results>${more}</record>`,
  ].join('\n')
}
