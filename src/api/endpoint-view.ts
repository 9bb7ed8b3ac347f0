/** Endpoints and their attempts in the form in which `/v1` answers with them, and the input that creates and changes them. */
import { z } from 'zod'
import type { AttemptOfDelivery, EndpointWithBacklog } from '../db/endpoints-read.ts'
import { attemptOutcomes } from '../db/endpoints-read.ts'
import { endpointEventTypes, endpointStates, pauseReasons, testSentType } from '../domain/endpoint.ts'
import { priorities } from '../domain/events.ts'
import type { SignedRequest } from '../endpoints/signed-request.ts'
import { jsonObject, name, oneOf, text } from '../http/input.ts'
import type { ProviderEntry } from '../providers/provider.ts'
import { providers } from '../providers/registry.ts'
import { maybeTime, time } from './answers.ts'

const listOf = <Value extends string>(value: z.ZodType<Value>) =>
  z
    .array(value, 'must be a list')
    .max(100, 'must have at most 100 entries')
    .transform((given): Value[] => [...new Set(given)])

/** An empty list is no filter. */
const filtersOf = (providerNames: readonly string[]) =>
  z
    .strictObject(
      {
        providers: listOf(oneOf(providerNames)).optional(),
        tags: listOf(name(301)).optional(),
        priorities: listOf(oneOf(priorities)).optional(),
      },
      'must be an object with providers, tags or priorities',
    )
    .transform((given) => Object.fromEntries(Object.entries(given).filter(([, list]) => list && list.length > 0)))

/** Whether something may be sent there is checked after. */
const url = text(2_000).refine((given) => URL.canParse(given), 'must be a URL')

/** What creates and changes an endpoint. @param mapped the senders of MAPPINGS_FILE, of which an endpoint may name some, too. */
export function endpointForms(mapped: readonly Pick<ProviderEntry, 'name'>[]) {
  const settings = {
    eventTypes: listOf(oneOf(endpointEventTypes)),
    filters: filtersOf([...providers, ...mapped].map((provider) => provider.name)),
    description: text(200).nullable(),
  }
  return {
    newEndpoint: jsonObject({
      url: url.nullable(),
      eventTypes: settings.eventTypes.default([]),
      filters: settings.filters.default({}),
      description: settings.description.default(null),
      project: name(32).optional(),
    }),
    endpointChanges: jsonObject({
      url: url.optional(),
      eventTypes: settings.eventTypes.optional(),
      filters: settings.filters.optional(),
      description: settings.description.optional(),
    }),
  }
}

export type NewEndpoint = z.infer<ReturnType<typeof endpointForms>['newEndpoint']>

const sentTypes = [...endpointEventTypes, testSentType] as const

export const endpoint = z
  .strictObject({
    id: z.string(),
    project: z.string(),
    url: z.string().nullable().describe('Null for one whose webhooks are pulled.'),
    eventTypes: z.array(z.enum(endpointEventTypes)).describe('Empty: all.'),
    filters: z.strictObject({
      providers: z.array(z.string()).optional(),
      tags: z.array(z.string()).optional(),
      priorities: z.array(z.enum(priorities)).optional(),
    }),
    description: z.string().nullable(),
    apiVersion: z.string().describe('Of what it receives.'),
    state: z.enum(endpointStates),
    pausedReason: z
      .enum(Object.keys(pauseReasons) as (keyof typeof pauseReasons)[])
      .nullable()
      .describe(
        Object.entries(pauseReasons)
          .map(([reason, meaning]) => `\`${reason}\`: ${meaning}`)
          .join('; '),
      ),
    pending: z.int().describe('Webhooks that it has not accepted yet, counted up to 100,000.'),
    createdAt: time,
    createdBy: z.string(),
    failingSince: maybeTime.describe('Since when every attempt has failed.'),
    lastSucceededAt: maybeTime,
  })
  .meta({ id: 'Endpoint' })

export const createdEndpoint = endpoint.extend({ secret: z.string() }).meta({ id: 'CreatedEndpoint' })

export const endpointViewOf = (row: EndpointWithBacklog) => ({
  id: row.id,
  project: row.project,
  url: row.url,
  eventTypes: row.eventTypes,
  filters: row.filters,
  description: row.description,
  apiVersion: row.apiVersion,
  state: row.state,
  pausedReason: row.pausedReason,
  pending: row.pending,
  createdAt: row.createdAt.toISOString(),
  createdBy: row.createdBy,
  failingSince: row.firstFailedAt?.toISOString() ?? null,
  lastSucceededAt: row.lastSucceededAt?.toISOString() ?? null,
})

const sentRequest = { headers: z.record(z.string(), z.string()), body: z.string() }

export const attempt = z
  .strictObject({
    id: z.string(),
    deliveryId: z.string(),
    type: z.enum(sentTypes).nullable().describe('Null once its delivery was deleted.'),
    at: time,
    outcome: z.enum(attemptOutcomes),
    status: z.int().nullable().describe('Null without an answer.'),
    durationMs: z.int(),
    error: z.string().nullable(),
    response: z.string().nullable().describe('The first kilobyte of the answer’s body.'),
    request: z
      .strictObject(sentRequest)
      .nullable()
      .describe('As it would be sent now, without its signature. Null once its delivery was deleted.'),
  })
  .meta({ id: 'EndpointAttempt' })

export const attemptViewOf = (row: AttemptOfDelivery, request: SignedRequest | null) => ({
  id: String(row.id),
  deliveryId: String(row.deliveryId),
  type: row.delivery?.type ?? null,
  at: row.at.toISOString(),
  outcome: row.outcome,
  status: row.status,
  durationMs: row.durationMs,
  error: row.error,
  response: row.answer,
  request,
})

export const pulledWebhook = z
  .strictObject({ deliveryId: z.string(), type: z.enum(sentTypes), ...sentRequest })
  .meta({ id: 'PulledWebhook' })
