/** People, as far as they may ask to be forgotten. */
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import { eraseRecipient } from '../db/erasure.ts'
import { inTime } from './deadlines.ts'
import { address } from './input.ts'
import { Problem } from './problem.ts'
import { defineRoute, type Route } from './route.ts'

/** So many emails are erased well within the time that an answer may take. */
const emailsPerCall = 500

/** The routes under `/v1/recipients`. */
export const recipientRoutes = ({ db }: { readonly db: Database }): Route[] => [
  defineRoute(
    {
      method: 'delete',
      path: '/v1/recipients/:address',
      tag: 'Recipients',
      summary: 'Erase a person',
      description:
        'Erases the address, and the subjects, bounce messages and payloads that tell of it, from emails and events. What ' +
        'is counted stays, and so does a suppression, under a keyed hash: asking for the address still finds it. Events ' +
        'that wait are erased as they are applied. While `complete` is false there is more: call it again.',
      params: z.object({ address }),
      answers: {
        200: {
          description: 'What was erased by this call',
          schema: z.object({
            emails: z.int(),
            events: z.int(),
            suppressions: z.int().describe('Entries that are kept under a keyed hash now.'),
            pending: z.int().describe('Events that wait, to be erased as they are applied.'),
            complete: z.boolean(),
          }),
        },
      },
      problems: { 409: 'This instance has no ERASURE_KEY' },
    },
    async (ctx, { params }) => {
      if (db.erasureKey === null) throw new Problem(409, 'set ERASURE_KEY: a suppression could not be kept without it')
      const { isComplete, ...counts } = await inTime(() => eraseRecipient(db, params.address, emailsPerCall))
      ctx.body = { ...counts, complete: isComplete }
    },
  ),
]
