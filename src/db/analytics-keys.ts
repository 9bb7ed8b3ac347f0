/** By what emails and their recipients are counted. */
import { type AnalyticsFilter, emailsIn, recipientsIn, type TimeRange } from './analytics-tallies.ts'
import { Prisma } from './generated/client.ts'

/** Counted by roll-ups: all emails, those to each domain, those with each tag; and the recipients of emails by three keys. */
export const rollupDimensions = ['all', 'domain', 'tag', 'reason', 'party', 'mailbox_provider'] as const
export type RollupDimension = (typeof rollupDimensions)[number]

/** What a dimension counts, and by which expression. Rows for which it is null do not count. */
interface Counted {
  readonly source: (range: TimeRange, filter: AnalyticsFilter) => Prisma.Sql
  readonly value: Prisma.Sql
}

export const countedBy: Readonly<Record<RollupDimension, Counted>> = {
  all: { source: emailsIn, value: Prisma.sql`''::text` },
  domain: { source: emailsIn, value: Prisma.sql`coalesce(recipient_domain, '')` },
  tag: { source: emailsIn, value: Prisma.sql`unnest(tags)` },
  reason: { source: recipientsIn, value: Prisma.sql`reason` },
  party: { source: recipientsIn, value: Prisma.sql`party` },
  mailbox_provider: { source: recipientsIn, value: Prisma.sql`mailbox_provider` },
}
