/** SES's `Subscription` events: a recipient has changed what they receive from a contact list. */
import type { ReceivedEvent, SubscriptionEventType } from '../../domain/events.ts'
import { buildEvent, type EventFacts, eventIdOf } from '../event-builder.ts'
import { isObject, type Json, partOf, textIn } from '../fields.ts'

/**
 * An event for the list, or for each of its topics that has changed. Without preferences, the recipient has unsubscribed: by the link
 * or the header of an email one can do nothing else.
 */
export function subscriptionsIn(subscription: Json, common: EventFacts): ReceivedEvent[] {
  const list = textIn(subscription, ['contactList'])
  const [before, after] = [partOf(subscription, 'oldTopicPreferences'), partOf(subscription, 'newTopicPreferences')]
  const topics = changedTopics(before, after)
  const eventOf = (type: SubscriptionEventType, name: string | null, id = common.id) =>
    buildEvent({ ...common, type, list: name, id })
  if (after['unsubscribeAll'] === true || !isObject(subscription['newTopicPreferences']))
    return [eventOf('unsubscribed', list)]
  if (topics.length === 0) return [eventOf(before['unsubscribeAll'] === true ? 'resubscribed' : 'unsubscribed', list)]
  return topics.map(({ topic, isIn }) => {
    const id = topics.length > 1 ? eventIdOf(common.id, topic) : common.id
    return eventOf(isIn ? 'resubscribed' : 'unsubscribed', [list, topic].filter(Boolean).join('/'), id)
  })
}

interface Topic {
  readonly topic: string
  readonly isIn: boolean
}

function changedTopics(before: Json, after: Json): Topic[] {
  const known = new Map(topicsIn(before).map(({ topic, isIn }) => [topic, isIn]))
  return topicsIn(after).filter(({ topic, isIn }) => known.get(topic) !== isIn)
}

function topicsIn({ topicSubscriptionStatus: list }: Json): Topic[] {
  return (Array.isArray(list) ? list.filter(isObject) : []).map((entry) => ({
    topic: textIn(entry, ['topicName']) ?? '',
    isIn: /^opt_?in$/i.test(textIn(entry, ['subscriptionStatus']) ?? ''),
  }))
}
