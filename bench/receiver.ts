/** The real API, for benchmarks: receiver, inbox and PostgreSQL. Temporal is away, so that only these are measured. */
import { pino } from 'pino'
import { createApi } from '../src/api/api.ts'
import { createDatabase } from '../src/db/database.ts'
import { readInboxFigures } from '../src/db/events.ts'
import { readPool, receiptPool } from '../src/db/pools.ts'
import { TemporalUnavailableError } from '../src/errors.ts'
import { createInbox } from '../src/inbox/create-inbox.ts'
import { createChangeFeed } from '../src/live/change-feed.ts'
import { createMetrics } from '../src/metrics.ts'
import { aisend } from '../src/providers/aisend/webhook.ts'

const [, , url = '', secret = '', apiKey] = process.argv
const db = createDatabase({ url, ...readPool })
const receiptDb = createDatabase({ url, ...receiptPool })
const log = pino({ level: 'silent' })
const metrics = createMetrics(() => readInboxFigures(db))
const away = async () => {
  throw new TemporalUnavailableError('away for the benchmark')
}
const emailWorkflows = { signal: away, ensureStarted: away, command: away, isReachable: async () => false }
const inbox = createInbox({ db: receiptDb, emailWorkflows, metrics, log })
const webhooks = new Map([[aisend.name, { provider: aisend, secrets: [secret] }]])
const changes = createChangeFeed({ db, listen: () => ({ close: async () => {} }), log })
const api = createApi({
  db,
  receiptDb,
  inbox,
  emailWorkflows,
  webhooks,
  providerApis: new Map(),
  apiKeys: apiKey ? [apiKey] : [],
  changes,
  metrics,
  log,
})
const { port } = await api.listen({ port: 0, host: '127.0.0.1' })
process.send?.({ port })
process.once('disconnect', () => process.exit(0))
