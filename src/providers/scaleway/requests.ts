/**
 * Requests to Scaleway's API, by its OpenAPI document (scaleway.com/en/developers/api/transactional-email, v1alpha1, as
 * api-evangelist/scaleway keeps it) and scaleway/scaleway-sdk-go. Both offer the region `fr-par` alone.
 */
import { z } from 'zod'
import { answersFrom } from '../provider-answer.ts'
import type { ApiOptions } from '../provider-api.ts'
import { createQuestions } from '../provider-question.ts'

const basePath = '/transactional-email/v1alpha1/regions/fr-par'

/** Our own: Scaleway publishes no limit. */
export const requestsPerSecond = 2

/** The longest page of most lists. */
export const pageSize = 100

/** An email takes three requests, one after the other, and the activity that asks has 10 seconds. */
const defaultTimeoutMs = 3_000

const webhooksForm = z.object({
  webhooks: z.array(
    z.object({
      id: z.string().min(1),
      domain_id: z.string(),
      event_types: z.array(z.string()),
      created_at: z.string().nullish(),
    }),
  ),
})
export type ScalewayWebhook = z.infer<typeof webhooksForm>['webhooks'][number]

const domainsForm = z.object({ domains: z.array(z.object({ id: z.string().min(1), status: z.string() })) })

export const { undocumentedAnswer } = answersFrom('Scaleway')

type Query = Readonly<Record<string, string | number>>

/** All throw ProviderRefusedError or ProviderUnreachableError; a change also EmailRefusedError. */
export interface ScalewayRequests {
  /** Null for what Scaleway does not know. */
  get<T>(form: z.ZodType<T>, path: string, query?: Query): Promise<T | null>
  /** Creates; not repeated, since the document does not say what a repeat does. */
  create(path: string, body: object): Promise<void>
  remove(path: string): Promise<void>
  /** Of one Project, or of all that the key may see. */
  webhooks(projectId?: string): Promise<readonly ScalewayWebhook[]>
  /** The IDs of those that have not been revoked. */
  domains(): Promise<readonly string[]>
}

export function createScalewayRequests(options: ApiOptions): ScalewayRequests {
  const { find, change } = createQuestions({
    ...{ timeoutMs: defaultTimeoutMs, ...options, title: 'Scaleway', keySetting: 'SCALEWAY_API_KEY' },
    authenticate: async () => ({ 'x-auth-token': options.apiKey }),
  })

  const get: ScalewayRequests['get'] = (form, path, query = {}) => {
    const search = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]))
    return find(form, `${basePath}${path}${search.size > 0 ? `?${search}` : ''}`)
  }

  /** All pages of a list, which is short. */
  const all = async <T>(read: (query: Query) => Promise<readonly T[] | undefined>): Promise<readonly T[]> => {
    const found: T[] = []
    for (let page = 1; ; page += 1) {
      const entries = (await read({ page, page_size: pageSize })) ?? []
      found.push(...entries)
      if (entries.length < pageSize) return found
    }
  }

  return {
    get,
    create: (path, body) => change({ method: 'POST', path: `${basePath}${path}`, body, isRepeatable: false }),
    remove: (path) => change({ method: 'DELETE', path: `${basePath}${path}` }),
    webhooks: (projectId) =>
      all(async (page) => {
        const query = { ...page, ...(projectId !== undefined && { project_id: projectId }) }
        return (await get(webhooksForm, '/webhooks', query))?.webhooks
      }),
    async domains() {
      const found = await all(async (page) => (await get(domainsForm, '/domains', page))?.domains)
      return found.filter(({ status }) => status !== 'revoked').map(({ id }) => id)
    },
  }
}
