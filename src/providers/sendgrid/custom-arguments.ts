/**
 * Custom arguments (`custom_args`, of SMTP and the older API `unique_args`). SendGrid puts them beside its own fields, so they are what it
 * does not document as its own ("Unique Arguments" and "Event Webhook Reference" of Twilio). Its own value wins where names are equal.
 */
import type { OwnIds } from '../../domain/own-ids.ts'
import { messageIdIn, messageIdKey, ownIdsOf } from '../custom-fields.ts'
import { isObject, type Json, textIn } from '../fields.ts'

/** SendGrid's own fields, in events of any type. */
const ownFields: ReadonlySet<string> = new Set([
  ...['email', 'timestamp', 'event', 'smtp-id', 'category', 'type', 'reason', 'status', 'response', 'attempt'],
  ...[
    'useragent',
    'ip',
    'outbound_ip',
    'url',
    'url_offset',
    'tls',
    'cert_err',
    'pool',
    'bounce_classification',
    'asm_group_id',
  ],
  ...['send_at', 'newsletter', 'post_type', 'marketing_campaign_id', 'marketing_campaign_name'],
  ...['marketing_campaign_version', 'marketing_campaign_split_id', 'singlesend_id', 'singlesend_name', 'template_id'],
  ...['template_hash', 'template_version_id', 'phase_id', 'unique_args', 'custom_args'],
])

/** Of its identifiers and of its marketing campaigns. */
const ownPrefix = /^(sg|mc|nlvx)_/

/** The external ID and the metadata in an event, with the Message-ID of an email that came over SMTP. */
export function sendgridOwnIdsOf(entry: Json): OwnIds {
  const beside = Object.entries(entry).filter(([field, value]) => !isOwn(field) && typeof value === 'string')
  const nested = ['unique_args', 'custom_args'].flatMap((field) => {
    const args = entry[field]
    return isObject(args) ? Object.entries(args) : []
  })
  const { externalId, metadata } = ownIdsOf(Object.fromEntries([...nested, ...beside]))
  const messageId = messageIdIn(textIn(entry, ['smtp-id']))
  const isAlias = messageId !== null && !sendgridHost.test(messageId)
  return { externalId, metadata: isAlias ? { ...metadata, [messageIdKey]: messageId } : metadata }
}

const isOwn = (field: string): boolean => ownFields.has(field) || ownPrefix.test(field)

/** SendGrid's own `smtp-id` of an email that came through its API names its `X-Message-Id`. */
const sendgridHost = /@(?:geopod-)?ismtpd/
