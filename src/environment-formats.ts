/**
 * The formats of environment variables: how each is parsed, its description in docs/configuration.md (`form`), and which roles read a
 * variable.
 */
import { isIP, isIPv4, isIPv6 } from 'node:net'
import ms from 'ms'
import { z } from 'zod'

const durationForm = /^\d+(\.\d+)?(ms|s|m|h|d)$/

export const duration = (fallback: ms.StringValue) =>
  z
    .string()
    .regex(durationForm, 'must be a duration such as 3s, 10m, 4h or 14d')
    .default(fallback)
    .transform((text) => ms(text as ms.StringValue))
    .refine((value) => value > 0, 'must be a duration above 0')
    .meta({ form: 'duration' })

export const durationOrZero = (fallback: ms.StringValue) =>
  z
    .string()
    .regex(durationForm, 'must be a duration such as 0s, 500ms or 2s')
    .default(fallback)
    .transform((text) => ms(text as ms.StringValue))
    .meta({ form: 'duration or `0s`' })

export const durationOrForever = (fallback: ms.StringValue) =>
  z
    .literal('forever')
    .transform(() => null)
    .or(duration(fallback))
    .meta({ form: 'duration or `forever`' })

/** A share, written as `2%`. */
export const percentage = (fallback: `${number}%`) =>
  z
    .string()
    .regex(/^\d{1,3}(\.\d{1,6})?%$/, 'must be a percentage such as 2% or 0.1%')
    .default(fallback)
    .transform((text) => Number(text.slice(0, -1)) / 100)
    .refine((share) => share > 0 && share <= 1, 'must be more than 0% and at most 100%')
    .meta({ form: 'percentage' })

export const wholeNumber = (fallback: number) =>
  z.coerce
    .number('must be a whole number, 1 or more')
    .int('must be a whole number, 1 or more')
    .min(1, 'must be a whole number, 1 or more')
    .default(fallback)
    .meta({ form: 'whole number, 1 or more' })

export const wholeNumberOrZero = (fallback: number) =>
  z.coerce
    .number('must be a whole number')
    .int('must be a whole number')
    .min(0, 'must not be negative')
    .default(fallback)
    .meta({ form: 'whole number' })

/** From 0 to 1. */
export const ratio = (fallback: number) =>
  z.coerce
    .number('must be a number from 0 to 1')
    .min(0)
    .max(1, 'must be a number from 0 to 1')
    .default(fallback)
    .meta({ form: 'number from 0 to 1' })

export const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((entry) => entry.trim())
      .filter(Boolean),
  )

/** Entries `project:account`, as the account's project by the account. */
export const projectAccounts = list
  .refine(
    (given) => given.every((entry) => /^[a-z][a-z0-9]*(-[a-z0-9]+)*:[a-z0-9-]+(\/[a-z0-9-]+)?$/.test(entry)),
    'must be entries such as shop:resend/shop, with a project in lower-case letters, digits and single -',
  )
  .refine(
    (given) => given.every((entry) => entry.indexOf(':') <= 32 && !entry.startsWith('default:')),
    'must name projects of up to 32 characters, other than default',
  )
  .transform((given) => new Map(given.map((entry) => entry.split(':').reverse() as [string, string])))
  .meta({ form: 'comma-separated `project:account`' })

export const keys = list
  .refine((given) => given.every((key) => key.length >= 16), 'must have 16 characters or more in each key')
  .meta({ form: '16 characters or more' })

const portMessage = 'must be a port number from 1 to 65535'

export const port = z.coerce
  .number(portMessage)
  .int(portMessage)
  .min(1, portMessage)
  .max(65_535, portMessage)
  .optional()
  .meta({ form: 'port' })

/** IP addresses, since a name would have to be looked up itself. */
export const dnsServers = list
  .refine((given) => given.every(isDnsServer), 'must be IP addresses such as 10.0.0.2, 10.0.0.2:5353 or [fd00::2]:53')
  .meta({ form: 'comma-separated IP addresses, each with `:port` if it is not 53' })

function isDnsServer(text: string): boolean {
  if (isIP(text)) return true
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const hasPort = port === undefined || (Number(port) > 0 && Number(port) <= 65_535)
  return hasPort && (bracketed === undefined ? isIPv4(plain ?? '') : isIPv6(bracketed))
}

/** Without ports: a target of it may be any. */
export const allowedHosts = list
  .refine(
    (given) => given.every(isHost),
    'must be hosts, IP addresses or networks such as hooks.internal, 10.0.0.7 or 10.0.0.0/8',
  )
  .meta({ form: 'comma-separated hosts, IP addresses, or networks such as `10.0.0.0/8`' })

function isHost(text: string): boolean {
  const [address = '', prefix] = text.split('/')
  const family = isIP(address)
  if (family === 0) return /^(?=.{1,253}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(text)
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128))
}

/** In OpenTelemetry's format: percent-encoded name=value pairs, separated by commas. */
export const headers = list
  .refine(
    (given) => given.every((pair) => /^[^=\s]+=([^%]|%[0-9A-Fa-f]{2})*$/.test(pair)),
    'must be name=value pairs, percent-encoded and separated by commas',
  )
  .transform((given) =>
    Object.fromEntries(
      given.map((pair) => {
        const at = pair.indexOf('=')
        return [pair.slice(0, at), decodeURIComponent(pair.slice(at + 1))]
      }),
    ),
  )
  .meta({ form: 'comma-separated `name=value`, percent-encoded' })

export const httpUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' })
  .meta({ form: 'HTTP or HTTPS URL' })

/** An HTTP URL without a path. */
export const origin = httpUrl
  .refine((url) => URL.canParse(url) && new URL(url).pathname === '/', 'must be a URL without a path')
  .transform((url) => new URL(url).origin)
  .meta({ form: '`https://aftersend.example.com`' })

export const postgresUrl = z
  .url({ protocol: /^postgres(ql)?$/, error: 'must be a URL such as postgresql://user:password@host:5432/aftersend' })
  .meta({ form: '`postgresql://user:password@host:5432/aftersend`' })

export const smtpUrl = z
  .url({ protocol: /^smtps?$/, error: 'must be a URL such as smtp://user:password@host:587' })
  .meta({ form: '`smtp://user:password@host:587` or `smtps://…`' })

export const hostAndPort = z
  .string()
  .regex(/^[^\s/]+:\d+$/, 'must be host:port')
  .meta({ form: '`host:port`' })

export const deploymentName = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must have up to 64 letters, digits, - and _')
  .meta({ form: 'letters, digits, `-` and `_`; at most 64' })

/** A secret of the Standard Webhooks scheme. */
export const signingSecret = z
  .string()
  .regex(/^(whsec_)?[A-Za-z0-9+/]{24,}={0,2}$/, 'must be base64 of 24 to 64 random bytes, with or without whsec_')
  .meta({ form: 'base64 of 24 to 64 random bytes, with or without `whsec_`' })

export const emailAddress = z.email('must be an email address').meta({ form: 'email address' })

export const erasureKey = z.string().min(32, 'must have 32 characters or more').meta({ form: '32 characters or more' })

export const text = z.string().meta({ form: 'text' })
export const path = z.string().meta({ form: 'path' })

/** The value of ROLE. A process with `all` reads the variables of the API and of the worker. */
export type Role = 'all' | 'api' | 'worker'

/**
 * Says in docs/configuration.md and .env.example which roles read a variable, what it means, and what holds where it is not set
 * and its format has no default.
 */
const readBy =
  (...roles: readonly Role[]) =>
  <Format extends z.ZodType>(form: Format, description: string, unset?: string): Format =>
    form.meta({ roles, description, unset })

export const forApi = readBy('api')
export const forWorker = readBy('worker')
export const forBoth = readBy('api', 'worker')
export const forEmbedded = readBy('all')
