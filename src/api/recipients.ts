/** `/v1/recipients`: what is known of a person, and erasing it. */
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import { eraseRecipient } from '../db/erasure.ts'
import { inTime } from '../db/request-deadline.ts'
import { address, cursor, cursorTime, jsonObject, name, pageLimit } from '../http/input.ts'
import { Problem } from '../http/problem.ts'
import { defineRoute, type Route } from '../http/route.ts'
import { emailId } from './email-input.ts'
import { person } from './person-answers.ts'
import { readPerson } from './person-view.ts'

/** Few enough to be erased within the request's deadline. */
const emailsPerCall = 500

/** The position of an email among those of a person. */
export const personCursor = cursor(z.object({ createdAt: cursorTime, id: emailId, provider: name(64) }))

interface RecipientDependencies {
  readonly db: Database
  /** Epoch milliseconds. */
  readonly clock: () => number
}

export const recipientRoutes = ({ db, clock }: RecipientDependencies): Route[] => [
  defineRoute(
    {
      method: 'post',
      path: '/v1/recipients/lookup',
      tag: 'Recipients',
      summary: 'Look up a person',
      description:
        'Everything that is known of an address, over all providers: the next step in one sentence and who must act, what happened ' +
        'last, suppressions with the event and the judgement behind them, subscriptions, and the emails, newest first. The address ' +
        'is in the body, so that no access log has it. An address that is not known, or was erased, has no emails.',
      body: jsonObject({ address, cursor: personCursor, limit: pageLimit }),
      answers: { 200: { description: 'What is known of the person', schema: person } },
    },
    async (ctx, { body }) => {
      ctx.status = 200
      ctx.body = await inTime(() => readPerson(db, { ...body, now: clock() }))
    },
  ),

  defineRoute(
    {
      ...erasure,
      method: 'post',
      path: '/v1/recipients/erase',
      description: `The address is in the body, so that no access log has it. ${erasure.description}`,
      body: jsonObject({ address }),
    },
    async (ctx, { body }) => {
      ctx.status = 200
      ctx.body = await erase(db, body.address)
    },
  ),

  defineRoute(
    { ...erasure, method: 'delete', path: '/v1/recipients/:address', params: z.object({ address }) },
    async (ctx, { params }) => {
      ctx.body = await erase(db, params.address)
    },
  ),
]

const erasure = {
  scope: 'erase',
  tag: 'Recipients',
  summary: 'Erase a recipient',
  description:
    'Erases the address from emails and events, with the subjects, bounce messages and payloads that belong to it, and the payloads ' +
    'of emails to others that name it, as in Cc. Counts remain. A suppression remains under a keyed hash, so a check of the address still finds it. Pending events are ' +
    'erased when they are applied. Repeat the call while `complete` is false.',
  answers: {
    200: {
      description: 'What this call erased',
      schema: z.object({
        emails: z.int(),
        events: z.int(),
        suppressions: z.int().describe('Entries now stored under a keyed hash.'),
        pending: z.int().describe('Pending events, erased when they are applied.'),
        complete: z.boolean(),
      }),
    },
  },
  problems: { 409: 'This instance has no ERASURE_KEY' },
} as const

async function erase(db: Database, erased: string) {
  if (db.erasureKey === null)
    throw new Problem(409, 'ERASURE_KEY is not set: set it, so that a suppression can be stored under a keyed hash')
  const { isComplete, ...counts } = await inTime(() => eraseRecipient(db, erased, emailsPerCall))
  return { ...counts, complete: isComplete }
}
