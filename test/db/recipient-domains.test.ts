import assert from 'node:assert/strict'
import { createDatabase } from '../../src/db/database.ts'
import { readDomainPage } from '../../src/db/recipient-domains.ts'
import { useDatabase } from '../stack.ts'
import { describeBothPlannings } from './executed-plans.ts'

const recipients = 100_000
const domains = 5_000
const pageSize = 100

describe('on 100,000 recipients, a page of their domains', () => {
  const database = useDatabase()
  before(async () => {
    const patient = createDatabase({ url: database.url, statementTimeoutMs: 60_000 })
    await patient.$executeRaw`
      INSERT INTO email_recipients (provider, email_id, key, address, domain)
      SELECT 'aisend', 'em_' || n, 'key', 'ada@' || domain, domain
      FROM generate_series(1, ${recipients}::int) AS n, LATERAL (SELECT 'd' || n % ${domains} || '.example' AS domain) AS named`
    await patient.$executeRaw`
      INSERT INTO recipient_domains (domain, found_by, expires_at)
      SELECT 'd' || n || '.example', 'none', now() + (n % 2 - 0.5) * interval '1 day' FROM generate_series(1, ${domains - 1}) AS n`
    await patient.$executeRaw`VACUUM ANALYZE email_recipients, recipient_domains`
    await patient.$disconnect()
  })

  describeBothPlannings(
    () => database.url,
    (explained) => {
      it('reads an index entry for each domain', async () => {
        const plans = await explained().plansOf((db) => readDomainPage(db, 'd3', pageSize))
        const [plan] = plans
        assert.ok(plan)
        assert.deepEqual([plan.scanned, plan.indexes], [[], ['email_recipients_domain_idx', 'recipient_domains_pkey']])
        assert.ok(plan.rows <= 5 * pageSize, `it read ${plan.rows} rows`)
      })
    },
  )

  it('ends with the last domain, and all pages have every domain that was not looked up or has expired', async () => {
    const due: string[] = []
    for (let after: string | null = ''; after !== null; ) {
      const page = await readDomainPage(database.db, after, 1_000)
      due.push(...page.due)
      after = page.next
    }
    assert.equal(new Set(due).size, due.length)
    assert.equal(due.length, domains / 2)
    assert.ok(due.includes('d0.example'))
  })
})
