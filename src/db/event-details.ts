/** The columns that few events have: of a failure and its judgement, and what some types bring. */
import type { ReceivedEvent } from '../domain/events.ts'
import { failureRulesVersion } from '../domain/failure-rules.ts'
import { judgeBounce } from '../domain/judge-bounce.ts'
import { isoOrNull } from './epoch-ms.ts'

/** Without `tags`. */
export const detailColumns = [
  'bounce_word',
  'bounce_sub_word',
  'bounce_host',
  'bounce_is_over',
  'failure_reason',
  'failure_party',
  'failure_is_final',
  'failure_outcome',
  'failure_rule',
  'failure_evidence',
  'failure_rules_version',
  'response',
  'list',
  'scheduled_for',
  'found_by',
  'external_id',
  'metadata',
] as const

/** The columns as JSON for `json_populate_record`; null if the event has none of them. */
export function detailsOf(event: ReceivedEvent): string | null {
  const { response = null, list = null, tags = [], scheduledFor = null } = event
  const { foundBy = null, externalId = null, metadata = null } = event
  const others = [response, list, scheduledFor, foundBy, externalId, metadata]
  const hasOther = others.some((value) => value !== null) || tags.length > 0
  if (event.type !== 'bounced' && !hasOther) return null
  return JSON.stringify({
    ...(event.type === 'bounced' && failureColumnsOf(event.bounce)),
    ...{ response, list, tags: tags.length > 0 ? tags : null, scheduled_for: isoOrNull(scheduledFor) },
    ...{ found_by: foundBy, external_id: externalId, metadata },
  })
}

/** The columns of a failure with its judgement by the present rules. */
function failureColumnsOf(bounce: ReceivedEvent['bounce']) {
  const { reason, party, isFinal, outcome, rule, evidence } = judgeBounce(bounce)
  return {
    bounce_word: bounce?.word ?? null,
    bounce_sub_word: bounce?.subWord ?? null,
    bounce_host: bounce?.host ?? null,
    bounce_is_over: bounce?.isOver ?? null,
    failure_reason: reason,
    failure_party: party,
    failure_is_final: isFinal,
    failure_outcome: outcome,
    failure_rule: rule,
    failure_evidence: evidence,
    failure_rules_version: failureRulesVersion,
  }
}
