/** The part of a statement that writes the outbox of webhooks to applications, when it applies events. */

/** What {@link outboxOf} needs of each applied event. Such events are of one row of `events`; the email's row joins them as `email`. */
export const deliveredColumns = `events.provider, events.event_id, events.email_id, events.type, events.received_at, events.occurred_at,
    events.failure_outcome, events.bounce_class`

/**
 * A CTE that adds a delivery for each applied event and each endpoint that takes it. The row of the email was locked before it could be
 * returned, so that the IDs of an email's deliveries ascend in the order of its states, and no later one is seen before an earlier one.
 * @param applied the CTE with {@link deliveredColumns} and `email`, the email's row after the events.
 */
export const outboxOf = (applied: string): string => `deliverable AS (
    INSERT INTO deliveries (message_id, endpoint_id, lane, type, provider, email_id, event_id, event_received_at, email_state)
    SELECT message_id_of(endpoint.id, sent_type, provider || E'\\n' || event_id), endpoint.id, provider || '/' || email_id,
      sent_type, provider, email_id, event_id, received_at, sent_state_of(email)
    FROM (
      SELECT *, sent_type_of(type, failure_outcome, bounce_class) AS sent_type FROM ${applied}
    ) AS fact JOIN endpoints AS endpoint ON endpoint.project = project_of(provider) AND endpoint.deleted_at IS NULL
    WHERE sent_type IS NOT NULL AND endpoint_takes(endpoint, sent_type, provider, (email).tags, (email).priority)
    ORDER BY occurred_at, event_id, endpoint.id
  )`
