/** Two projects and the default one, each with a row in every table, all under the same IDs. */
import { createDatabase, type Database } from '../../src/db/database.ts'
import { storeDmarcReports } from '../../src/db/dmarc-reports.ts'
import { insertEvents } from '../../src/db/events.ts'
import { addManualSuppression } from '../../src/db/suppressions.ts'
import { type Projects, providerIn } from '../../src/domain/project.ts'
import { dmarcReportsIn } from '../../src/domains/dmarc-reports.ts'
import { aisend } from '../../src/providers/aisend/webhook.ts'
import { reportXml } from '../domains/report-xml.ts'
import { endpointWith } from '../endpoints/outbox-rig.ts'
import { receivedEvent } from '../received-event.ts'

export const projects: Projects = {
  accounts: new Map([
    ['aisend/shop', 'shop'],
    ['aisend/blog', 'blog'],
  ]),
  sharingSuppressions: new Set(),
}

export const webhooks = new Map(
  ['default', 'shop', 'blog'].map((project) => [
    project === 'default' ? 'aisend' : `aisend/${project}`,
    { provider: aisend, secrets: [`secret-of-the-${project}`], project },
  ]),
)

/** In every text of a project, and in nothing that a test sends. */
export const markOf = (project: string): string => `mark-${[...project].reverse().join('')}`

const personOf = (project: string): string => `person@${project}.example`

/** A connection that row-level security confines to a project. */
export const confinedTo = (url: string, project: string): Database =>
  createDatabase({ url, project, erasureKey: 'erasure-key-of-the-tests-0000001', poolSize: 2 })

/** Stores an email with an event, an escalation, a suppression, a sending and a finished audit of the project. */
export async function storeProject(db: Database, project: string): Promise<void> {
  const [provider, mark, person] = [providerIn(project, 'aisend'), markOf(project), personOf(project)]
  // First, so that what follows is to be delivered to it.
  const created = await endpointWith(db, { project, url: `https://${project}.example/hooks`, description: mark })
  const endpointId = `ep_${project}`
  await db.endpoint.update({ where: { id: created }, data: { id: endpointId } })
  const event = { provider, emailId: 'em_1', to: [person], recipient: person, subject: mark }
  await insertEvents(db, [
    receivedEvent({ ...event, id: 'ev_1', payload: JSON.stringify({ mark }) }),
    receivedEvent({ ...event, id: 'ev_2', quarantinedReason: mark }),
    receivedEvent({
      ...event,
      id: 'ev_3',
      type: 'bounced',
      bounce: { class: 'soft', code: '4.2.2', message: mark },
    }),
  ])
  await db.$executeRaw`UPDATE events SET applied_at = now() WHERE provider = ${provider} AND event_id IN ('ev_1', 'ev_3')`
  await db.email.create({
    data: {
      ...{ id: 'em_1', provider, to: [person], recipients: [person], subject: mark, tags: [mark], revision: 1 },
      createdAt: new Date(Date.now() - 3 * 3_600_000),
    },
  })
  const openedAt = new Date()
  await db.escalation.create({
    data: { id: `esc_${project}`, provider, emailId: 'em_1', reason: 'stalled', state: 'open', detail: mark, openedAt },
  })
  for (const address of [person, `${mark}@example.com`])
    await addManualSuppression(db, project, address, { by: mark, note: mark })
  await db.apiKey.create({
    data: { id: `key_of_${project}`, name: mark, digest: project, scopes: ['read'], project, createdBy: mark },
  })
  await db.sending.create({
    data: { idempotencyKey: `key of ${project}`, fingerprint: mark, provider, leaseUntil: openedAt },
  })
  const at = new Date()
  await db.session.create({
    data: {
      ...{ id: `session_of_${project}`, digest: project, name: mark, project, keyId: `key_of_${project}` },
      ...{ client: '-', userAgent: mark, createdAt: at, lastSeenAt: at },
    },
  })
  const run = { id: `rec_${project}`, provider, from: at, to: at, finishedAt: at, startedBy: mark }
  await db.reconciliation.create({ data: run })
  await db.auditDifference.create({ data: { provider, runId: run.id, reason: 'not_kept', emailId: mark } })
  const { id: deliveryId } = await db.delivery.findFirstOrThrow({ where: { endpointId } })
  await db.deliveryAttempt.create({ data: { deliveryId, endpointId, at, durationMs: 1, error: mark, answer: project } })
  await storeReports(db, project)
  await db.webhookMinute.create({ data: { provider, minute: openedAt, genuine: 1, refused: 1 } })
}

/** Of a domain with the mark in its name, and of one where the mark is in what reports say of it. */
async function storeReports(db: Database, project: string): Promise<void> {
  const begin = Math.floor(Date.now() / 1_000) - 86_400
  for (const domain of [`${markOf(project)}.example`, `${project}.example`]) {
    const content = Buffer.from(reportXml([{ dkimDomain: markOf(project) }], { domain, reportId: domain, begin }))
    await storeDmarcReports(db, project, await dmarcReportsIn([{ filename: null, contentType: '', content }]))
  }
}

/** Tables with the condition by which their rows are a project's. */
const conditions: Readonly<Record<string, string>> = {
  emails: 'project_of(provider) = $1',
  email_recipients: 'project_of(provider) = $1',
  events: 'project_of(provider) = $1',
  escalations: 'project_of(provider) = $1',
  sendings: 'project_of(provider) = $1',
  webhook_minutes: 'project_of(provider) = $1',
  reconciliations: 'project_of(provider) = $1',
  audit_differences: 'project_of(provider) = $1',
  suppressions: 'project = $1',
  api_keys: 'project = $1',
  sessions: 'project = $1',
  dmarc_reports: 'project = $1',
  dmarc_records: 'project = $1',
  endpoints: 'project = $1',
  endpoint_secrets: 'endpoint_id IN (SELECT id FROM endpoints WHERE project = $1)',
  deliveries: 'endpoint_id IN (SELECT id FROM endpoints WHERE project = $1)',
  delivery_attempts: 'endpoint_id IN (SELECT id FROM endpoints WHERE project = $1)',
}

/** All rows of a project, to be compared. */
export async function rowsOf(db: Database, project: string): Promise<unknown> {
  const tables = Object.entries(conditions).map(async ([table, condition]) => {
    const { rows } = await db.pool.query(
      `SELECT to_jsonb(t) AS row FROM ${table} AS t WHERE ${condition} ORDER BY to_jsonb(t)::text`,
      [project],
    )
    return [table, rows]
  })
  return Object.fromEntries(await Promise.all(tables))
}
