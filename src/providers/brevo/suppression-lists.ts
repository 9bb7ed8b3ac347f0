/**
 * Brevo's blocked contacts, `GET /v3/smtp/blockedContacts`, by developers.brevo.com/reference/get-transac-blocked-contacts. They can only be
 * read: the API adds no address to them.
 */
import { z } from 'zod'
import type { SuppressionReason } from '../../domain/suppression.ts'
import { listedAddress } from '../provider-answer.ts'
import type { ListedAddress, SuppressionLists } from '../provider-api.ts'
import type { ProviderQuestions } from '../provider-question.ts'

/** 1,000 a second are published: a hundredth leaves room for the account's other programs. */
const requestsPerSecond = 10

/** Published maximum. */
const pageSize = 100

const contactForm = z.object({
  email: z.string(),
  /** Of a contact that gets no emails of this sender. */
  senderEmail: z.string().nullish(),
  reason: z.object({ code: z.string().nullish() }).nullish(),
  blockedAt: z.unknown().optional(),
})
type Contact = z.infer<typeof contactForm>
const listForm = z.object({ contacts: z.array(contactForm).nullish() })

/** The oldest first, so that what is added meanwhile comes last. */
export const createSuppressionLists = (questions: ProviderQuestions): SuppressionLists => ({
  requestsPerSecond,

  async read(cursor) {
    const offset = Number(cursor ?? 0)
    const query = new URLSearchParams({ limit: String(pageSize), offset: String(offset), sort: 'asc' })
    const { contacts } = await questions.ask(listForm, `/v3/smtp/blockedContacts?${query}`)
    const found = contacts ?? []
    return { entries: found.flatMap(listedIn), next: found.length < pageSize ? null : String(offset + found.length) }
  },
})

/** Left out is who has unsubscribed, and who is blocked for one sender. Null for these. */
function reasonOf({ reason, senderEmail }: Contact): SuppressionReason | null {
  if (reason?.code === 'hardBounce') return 'hard_bounce'
  if (reason?.code === 'contactFlaggedAsSpam') return 'complaint'
  return reason?.code === 'adminBlocked' && !senderEmail ? 'manual' : null
}

const listedIn = (contact: Contact): ListedAddress[] =>
  listedAddress(contact.email, reasonOf(contact), contact.blockedAt)
