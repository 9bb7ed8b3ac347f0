/** The real API, for benchmarks: receiver, inbox and PostgreSQL. Temporal is away, so that only these are measured. */
import { pino } from 'pino'
import { createApi } from '../src/api/api.ts'
import { createDatabase } from '../src/db/database.ts'
import { readInboxFigures } from '../src/db/events.ts'
import { TemporalUnavailableError } from '../src/errors.ts'
import { createInbox } from '../src/inbox/create-inbox.ts'
import { createChangeFeed } from '../src/live/change-feed.ts'
import { createMetrics } from '../src/metrics.ts'
import { aisend } from '../src/providers/aisend.ts'

const [, , url = '', secret = '', apiKey] = process.argv
const db = createDatabase({ url, poolSize: 20, statementTimeoutMs: 5_000 })
const log = pino({ level: 'silent' })
const metrics = createMetrics(() => readInboxFigures(db))
const away = async () => {
  throw new TemporalUnavailableError('away for the benchmark')
}
const lives = { signal: away, wake: away, command: away, isReachable: async () => false }
const inbox = createInbox({ db, lives, metrics, log })
const webhooks = new Map([[aisend.name, { provider: aisend, secrets: [secret] }]])
const changes = createChangeFeed({ db, listen: () => ({ close: async () => {} }), log })
const api = createApi({
  db,
  inbox,
  lives,
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
