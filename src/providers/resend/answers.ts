/**
 * The form of the answers of Resend's API. Lists are paged by `limit`, `after` and `has_more`
 * (resend.com/docs/api-reference/pagination).
 */
import { z } from 'zod'
import { answersFrom } from '../provider-answer.ts'

/**
 * A team's limit for all of its keys together, unless Resend has raised it (resend.com/docs/api-reference/rate-limit, November
 * 2026). Sending counts too.
 */
export const requestsPerSecond = 5

/** The most entries that a page may have. */
const pageLimit = 100

export const { answerOf } = answersFrom('Resend')

export const pageForm = <T>(entry: z.ZodType<T>) => z.object({ has_more: z.boolean(), data: z.array(entry) })

/** @param after the ID of the last entry of the page before; null for the first page. */
export function pagePath(path: string, after: string | null): string {
  const query = new URLSearchParams({ limit: String(pageLimit), ...(after !== null && { after }) })
  return `${path}?${query}`
}

/** The ID to ask for the next page with; null after the last one. */
export const nextOf = (page: { readonly has_more: boolean; readonly data: readonly { readonly id: string }[] }) =>
  page.has_more ? (page.data.at(-1)?.id ?? null) : null
