/** `/v1/reconciliations`: comparing the record of a provider with ours, and what the providers' APIs can do. */
import { z } from 'zod'
import { type ListedDifference, listDifferences } from '../db/audits.ts'
import { isErasedKey } from '../db/erased-address.ts'
import { findReconciliation, listReconciliations } from '../db/reconciliations.ts'
import { inTime } from '../db/request-deadline.ts'
import { differenceReasonNames } from '../domain/agreement.ts'
import { reconciliationKinds } from '../domain/reconciliation.ts'
import { callerOf } from '../http/api-key.ts'
import { cursor, instant, jsonObject, limitUpTo, name, oneOf, pageAnswer, pageLimit, pageOf } from '../http/input.ts'
import { Problem } from '../http/problem.ts'
import { defineRoute, type Route } from '../http/route.ts'
import { type ReconciliationDependencies, reconciliation, runView, startNamed } from './reconciliation-runs.ts'

const difference = z.strictObject({
  reason: z.enum(differenceReasonNames),
  emailId: z.string().nullable().describe('Null for a difference of the suppression lists.'),
  ours: z.string().nullable().describe('The delivery here.'),
  theirs: z.string().nullable().describe('The delivery that follows from the provider’s record; null if it has none.'),
  address: z.string().nullable().describe('Null for an email, and for an erased address.'),
})

const reconcileBody = jsonObject({
  provider: name(64),
  kind: oneOf(['reconcile', 'audit']).default('reconcile'),
  since: instant.optional(),
  dryRun: z.boolean('must be true or false').default(false),
})

const runPath = z.object({ id: name(100) })

const missingRun = new Problem(404, 'there is no such run')

export const reconciliationRoutes = (dependencies: ReconciliationDependencies): Route[] => [
  defineRoute(
    {
      method: 'get',
      path: '/v1/reconciliations',
      tag: 'Reconciling',
      summary: 'List the last comparisons with providers, newest first',
      query: z.object({
        provider: name(64).optional(),
        kind: oneOf(reconciliationKinds).optional(),
        limit: limitUpTo(200),
      }),
      answers: { 200: { description: 'The last runs, on one page', schema: pageAnswer(reconciliation) } },
    },
    async (ctx, { query }) => {
      const rows = await inTime(() => listReconciliations(dependencies.db, query, query.limit))
      ctx.body = { data: rows.map(runView), nextCursor: null }
    },
  ),

  defineRoute(
    {
      method: 'post',
      path: '/v1/reconciliations',
      scope: 'operate',
      tag: 'Reconciling',
      summary: 'Compare the record of a provider with ours, and store what is missing',
      description:
        'Runs in the workflow `reconcile/<provider>`; the list says when it has finished. `since` is a day ago by default, and no further back ' +
        'than the provider’s record goes. The kind `audit` also compares the state of every email, and the suppression lists. `dryRun` ' +
        'compares and stores nothing.',
      body: reconcileBody,
      answers: { 202: { description: 'Started', schema: reconciliation } },
      problems: { 409: 'Another run of the provider is under way' },
    },
    async (ctx, { body }) => {
      ctx.status = 202
      ctx.body = runView(await startNamed(dependencies, { ...body, by: callerOf(ctx).name }))
    },
  ),

  defineRoute(
    {
      method: 'get',
      path: '/v1/reconciliations/:id',
      tag: 'Reconciling',
      summary: 'Read one comparison',
      params: runPath,
      answers: { 200: { description: 'The run', schema: reconciliation } },
      problems: { 404: 'No such run' },
    },
    async (ctx, { params }) => {
      const run = await inTime(() => findReconciliation(dependencies.db, params.id))
      if (run === null) throw missingRun
      ctx.body = runView(run)
    },
  ),

  defineRoute(
    {
      method: 'get',
      path: '/v1/reconciliations/:id/differences',
      tag: 'Reconciling',
      summary: 'List what still differs after an audit',
      description: 'They are stored until the next audit of the provider begins.',
      params: runPath,
      query: z.object({ cursor: cursor(z.object({ id: z.string().regex(/^\d{1,18}$/) })), limit: pageLimit }),
      answers: { 200: { description: 'A page of the differences', schema: pageAnswer(difference) } },
    },
    async (ctx, { params, query }) => {
      const { db } = dependencies
      const rows = await inTime(() => listDifferences(db, params.id, query.cursor?.id ?? null, query.limit + 1))
      ctx.body = pageOf(rows, query.limit, ({ id }) => ({ id: String(id) }), rows.map(differenceView))
    },
  ),

  defineRoute(
    {
      method: 'get',
      path: '/v1/providers',
      tag: 'Reconciling',
      summary: 'List the providers that can be asked, and what their APIs can do',
      answers: { 200: { description: 'All of them, on one page', schema: pageAnswer(capabilities) } },
    },
    (ctx) => {
      const data = [...dependencies.providerApis].map(([provider, { history, suppressionLists }]) => ({
        provider,
        hasRecord: history !== undefined,
        readsLists: suppressionLists !== undefined,
        writesLists: suppressionLists?.writing !== undefined,
      }))
      ctx.body = { data, nextCursor: null }
    },
  ),
]

const capabilities = z.strictObject({
  provider: z.string().describe('As it is stored with emails.'),
  hasRecord: z
    .boolean()
    .describe('Whether the provider’s record of all emails can be compared; else it is asked about each.'),
  readsLists: z.boolean().describe('Whether its suppression lists are merged into ours.'),
  writesLists: z.boolean().describe('Whether ours can be pushed to it.'),
})

const differenceView = ({ reason, emailId, ours, theirs, address }: ListedDifference) => ({
  ...{ reason, emailId, ours, theirs },
  address: address === null || isErasedKey(address) ? null : address,
})
