import { heartbeat } from '@temporalio/activity'
import type { Database } from '../db/database.ts'
import {
  addOwnDomains,
  postponeRecipientDomains,
  type RecipientDomain,
  readDomainPage,
  writeRecipientDomains,
} from '../db/recipient-domains.ts'
import { mailboxProviderOfMx, ownDomains } from '../domain/mailbox-provider.ts'
import { onDatabase } from './database-failure.ts'
import type { MailServers } from './mail-servers.ts'
import type { ScheduledActivities } from './scheduled-activities.ts'

type RecipientDomainActivities = Pick<ScheduledActivities, 'lookUpRecipientDomains'>

interface RecipientDomainDependencies {
  readonly db: Database
  /** Null: DNS is not asked. */
  readonly mailServers: MailServers | null
  /** Domains that a call looks at. Default 1,000. */
  readonly pageSize?: number
}

/** Questions to DNS at a time. */
const concurrentQuestions = 10

/** After so many questions in a row without an answer, DNS counts as unavailable, and the next run of the job continues. */
const unansweredLimit = 20

export const createRecipientDomainActivities = ({
  db,
  mailServers,
  pageSize = 1_000,
}: RecipientDomainDependencies): RecipientDomainActivities => ({
  async lookUpRecipientDomains({ after = '' }) {
    // Before any email goes to them: its failures are of that provider from the first one on.
    if (after === '') await onDatabase('DomainsRejected', () => addOwnDomains(db, ownDomains))
    const { due, next } = await onDatabase('DomainsUnreadable', () => readDomainPage(db, after, pageSize))
    if (mailServers === null) return { lookedUp: 0, next }
    let unanswered = 0
    for (let first = 0; first < due.length && unanswered < unansweredLimit; first += concurrentQuestions) {
      const domains = due.slice(first, first + concurrentQuestions)
      const found = (await Promise.all(domains.map((domain) => ask(mailServers, domain)))).filter((it) => it !== null)
      const answered = new Set(found.map(({ domain }) => domain))
      const silent = domains.filter((domain) => !answered.has(domain))
      await onDatabase('DomainsRejected', () => writeRecipientDomains(db, found))
      await onDatabase('DomainsRejected', () => postponeRecipientDomains(db, silent))
      unanswered = found.length > 0 ? 0 : unanswered + silent.length
      heartbeat()
    }
    return { lookedUp: due.length, next: unanswered < unansweredLimit ? next : null }
  },
})

/** The domain with the provider of its mail servers; null if DNS does not answer, so that it is asked again later. */
async function ask(mailServers: MailServers, domain: string): Promise<RecipientDomain | null> {
  try {
    const hosts = await mailServers.hostsOf(domain)
    return { domain, mailboxProvider: mailboxProviderOfMx(hosts), foundBy: hosts.length > 0 ? 'mx' : 'none' }
  } catch {
    return null
  }
}
