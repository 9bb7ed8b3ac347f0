/** The form of mappings: how the JSON of a sender that Aftersend does not know becomes events. docs/own-senders.md explains it. */
import jmespath from 'jmespath'
import { z } from 'zod'
import { providerEventTypes } from '../../domain/events.ts'

/** JMESPath: it reads and compares, and cannot run code or loop. */
const path = z
  .string('must be a JMESPath expression')
  .min(1, 'must not be empty')
  .max(500, 'must have at most 500 characters')
  .superRefine((expression, context) => {
    const why = mistakeIn(expression)
    if (why !== null) context.addIssue({ code: 'custom', message: `must be a JMESPath expression: ${why}` })
  })

/** What is wrong with an expression itself, rather than with what it is applied to. */
function mistakeIn(expression: string): string | null {
  try {
    jmespath.search({}, expression)
    return null
  } catch (error) {
    const { name, message } = error as Error
    if (name === 'ParserError' || name === 'LexerError' || /^(?:Unknown function|ArgumentError)/.test(message))
      return message
    // Of a broken expression the library may report an error of its own code.
    return name === 'Error' ? null : 'it is not complete'
  }
}

const described = (text: string) => path.optional().describe(text)

/** Not in this list: the names of other paths and variables. */
const reservedNames: readonly string[] = ['mail', 'support']

const name = z
  .string()
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'must be lower-case letters and digits, with single - between')
  .max(40, 'must have at most 40 characters')
  .refine((given) => !reservedNames.includes(given), `must be none of ${reservedNames.join(', ')}`)
  .describe(
    'Part of the path of webhooks, of the variable of the secret, and of the stored emails. Do not change it later.',
  )

const headerName = z
  .string('must be the name of a header')
  .regex(/^[A-Za-z0-9-]{1,100}$/, 'must be the name of a header')
const fieldName = z.string().regex(/^[\w-]{1,40}$/, 'must be a name that stands before = in the header')

const signedContent = z
  .string()
  .max(200, 'must have at most 200 characters')
  .refine(isTemplate, 'must contain {timestamp}, {body} once, and no other braces')

function isTemplate(text: string): boolean {
  const [parts, others] = [text.split('{body}'), text.replaceAll(/\{(?:body|timestamp)\}/g, '')]
  return parts.length === 2 && text.includes('{timestamp}') && !/[{}]/.test(others)
}

const hmacForm = z.strictObject({
  header: headerName.describe('The header with the signature.'),
  field: fieldName.optional().describe('The name of the signature, in a header such as `t=…,v1=…`: `v1`.'),
  encoding: z.enum(['hex', 'base64'], 'must be hex or base64').default('hex'),
  prefix: z
    .string()
    .max(40, 'must have at most 40 characters')
    .default('')
    .describe('Before the signature: `sha256=`.'),
  content: signedContent.optional().describe('What is signed: `{timestamp}.{body}`. Default: the body alone.'),
  timestampField: fieldName.optional().describe('The name of the time, in the same header: `t`.'),
  timestampHeader: headerName.optional().describe('The header that has the time for itself.'),
  toleranceSeconds: z
    .int('must be a whole number of seconds')
    .min(1, 'must be 1 or more')
    .max(7 * 86_400, 'must be at most 604800, a week')
    .optional()
    .describe('How old or early a signature may be. Default: 300.'),
})

const hmac = hmacForm
  .superRefine((given, context) => {
    for (const [isMistake, field, message] of rulesFor(given)) {
      if (isMistake) context.addIssue({ code: 'custom', path: [field], message })
    }
  })
  .describe('HMAC-SHA256 over the body, or over a time and the body.')

type HmacForm = z.infer<typeof hmacForm>

/** A time that is not signed proves nothing, so the two are given together. */
function rulesFor(given: HmacForm): [isMistake: boolean, field: keyof HmacForm, message: string][] {
  const { field, content, timestampField, timestampHeader, toleranceSeconds } = given
  const hasTime = timestampField !== undefined || timestampHeader !== undefined
  const hasBoth = timestampField !== undefined && timestampHeader !== undefined
  return [
    [hasBoth, 'timestampHeader', 'must not be given beside timestampField'],
    [hasTime && content === undefined, 'content', 'must say what is signed, such as {timestamp}.{body}'],
    [!hasTime && content !== undefined, 'content', 'requires timestampField or timestampHeader'],
    [!hasTime && toleranceSeconds !== undefined, 'toleranceSeconds', 'requires timestampField or timestampHeader'],
    [
      timestampField !== undefined && field === undefined,
      'field',
      'must name the signature: timestampField requires it',
    ],
  ]
}

const proof = z
  .union([z.enum(['credential', 'standard-webhooks']), z.strictObject({ hmac })], {
    error: 'must be credential, standard-webhooks, or { hmac: { header, … } }',
  })
  .describe('How requests are proved: basic authentication or a token in a header, Standard Webhooks, or an HMAC.')

const ourTypes = [...providerEventTypes, 'deferred', 'unsubscribed', 'resubscribed'] as const

const bounce = z
  .strictObject({
    class: described('The class: hard, permanent, soft, transient, … Default: by the code, else hard.'),
    code: described('Status code (`5.1.1`) or reply code (`550`). Default: the one in the message.'),
    message: described("The receiving server's reply."),
    word: described('A finer type than the event.'),
    host: described('The receiving server.'),
    isOver: described(
      "Whether the sender has stopped trying: false, or an expression such as `attempt > '5'`. Default true.",
    ),
  })
  .describe('Of events whose type is bounced or deferred.')

const fields = z
  .strictObject({
    id: described('An ID that is the same in every repeat. Default: a hash of the whole entry.'),
    emailId: path.describe('The ID under which the application registers the email.'),
    occurredAt: described('ISO 8601, or epoch seconds or milliseconds. Default: the time of receipt.'),
    recipient: described('The address that the event is about.'),
    to: described('All addresses of the email. Default: the recipient.'),
    subject: described('The subject.'),
    userAgent: described('Of an open or a click.'),
    isMachine: described('True if the sender says that a machine opened or clicked.'),
    response: described("The receiving server's reply to a delivered email."),
    list: described('The list of an unsubscription.'),
    tags: described('A text, a list of texts, or an object.'),
    metadata: described('An object of texts.'),
    externalId: described("The application's own ID of the email."),
    bounce: bounce.optional(),
  })
  .describe('Paths from an entry to its facts.')

const mapping = z.strictObject({
  name,
  title: z.string().min(1).max(60).optional().describe('For people. Default: the name.'),
  proof,
  entries: z
    .union([z.enum(['one', 'list']), path])
    .default('one')
    .describe('`one`: the body is an event; `list`: it is a list of events; else the path to that list.'),
  event: path.describe("The path to the sender's word for the event."),
  types: z
    .record(z.string().min(1), z.enum(ourTypes, `must be null or one of ${ourTypes.join(', ')}`).nullable())
    .describe(
      'Types by the words of the sender; null for what is about no email. Other words are stored and change nothing.',
    ),
  fields,
})

export type Mapping = z.infer<typeof mapping>

export const mappingsForm = z.strictObject({
  $schema: z.string().optional(),
  senders: z.array(mapping).min(1, 'must have at least one sender').max(50, 'must have at most 50 senders'),
})

/** The JSON Schema that docs/own-senders.schema.json publishes. */
export const mappingsSchema = (): object => z.toJSONSchema(mappingsForm, { io: 'input', unrepresentable: 'any' })
