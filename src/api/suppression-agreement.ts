/** `/v1/suppressions/push` and its like: making our suppression list and a provider's agree, because a person asks. */
import { z } from 'zod'
import type { ReconciliationKind } from '../domain/reconciliation.ts'
import { callerOf } from '../http/api-key.ts'
import { jsonObject, name } from '../http/input.ts'
import { defineRoute, type Route } from '../http/route.ts'
import { type ReconciliationDependencies, reconciliation, runView, startNamed } from './reconciliation-runs.ts'

interface ListChange {
  readonly path: `/${string}`
  readonly kind: ReconciliationKind
  readonly summary: string
  readonly description: string
}

const changes: readonly ListChange[] = [
  {
    path: '/v1/suppressions/push',
    kind: 'push',
    summary: 'Add our suppressions to a provider’s own list',
    description: 'Left out is what was removed from the provider’s list, and erased addresses.',
  },
  {
    path: '/v1/suppressions/push-removals',
    kind: 'push_removals',
    summary: 'Remove from a provider’s own list what was removed from ours',
    description: 'Of each address that is on the provider’s list, and was removed from ours by a person.',
  },
  {
    path: '/v1/suppressions/pull-removals',
    kind: 'pull_removals',
    summary: 'Remove from our list what was removed from a provider’s own',
    description: 'Left out is what is suppressed because of another provider, and what was suppressed again since.',
  },
]

export const suppressionAgreementRoutes = (dependencies: ReconciliationDependencies): Route[] =>
  changes.map(({ path, kind, summary, description }) =>
    defineRoute(
      {
        method: 'post',
        path,
        scope: 'suppress',
        tag: 'Suppressions',
        summary,
        description: `${description} Runs in the workflow \`reconcile/<provider>\`; \`GET /v1/reconciliations/:id\` says when it has finished. \`dryRun\` changes nothing.`,
        body: jsonObject({ provider: name(64), dryRun: z.boolean('must be true or false').default(false) }),
        answers: { 202: { description: 'Started', schema: reconciliation } },
        problems: { 409: 'Another run of the provider is under way' },
      },
      async (ctx, { body }) => {
        ctx.status = 202
        ctx.body = runView(await startNamed(dependencies, { ...body, kind, by: callerOf(ctx).name }))
      },
    ),
  )
