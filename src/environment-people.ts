/** The environment variables of people: how they sign in, and what they may do. */
import { z } from 'zod'
import { roleNames } from './domain/access.ts'
import type { OpenIdSettings, RoleRules } from './domain/openid-person.ts'
import * as format from './environment-formats.ts'
import { forApi, forBoth } from './environment-formats.ts'

const rolesForm = 'must be roles and who has them, such as admin=email-admins,ada@example.com;viewer=staff'

/** `role=value,value;role=value`. */
const roleRules = z
  .string()
  .transform((text, issues): RoleRules => {
    const rules = text
      .split(';')
      .filter((rule) => rule.trim() !== '')
      .map((rule) => /^\s*(\w+)\s*=(.+)$/.exec(rule))
    const parsed = rules.map((rule) => roleRule.safeParse([rule?.[1], rule?.[2]]).data)
    const named = parsed.map((rule) => rule?.[0])
    if (parsed.every((rule) => rule !== undefined) && parsed.length > 0 && new Set(named).size === named.length) {
      return Object.fromEntries(parsed)
    }
    issues.addIssue({ code: 'custom', message: `${rolesForm}; roles are ${roleNames.join(', ')}` })
    return z.NEVER
  })
  .meta({ form: '`admin=email-admins,ada@example.com;viewer=staff`' })

const roleRule = z.tuple([z.enum(roleNames), format.list.refine((values) => values.length > 0)])

export const people = {
  SIGN_IN_WITH_KEYS: forApi(
    z.enum(['on', 'off'], 'must be on or off').default('on'),
    'Whether the dashboard is opened by API keys. `off` needs `OIDC_ISSUER`.',
  ),
  PUBLIC_URL: forBoth(
    format.origin.optional(),
    'The URL at which browsers reach the dashboard. Messages to the team’s channels link to it. Required with `OIDC_ISSUER`: the provider sends ' +
      'people back to `<PUBLIC_URL>/sign-in/callback`.',
    'no links',
  ),
  OIDC_ISSUER: forApi(
    format.httpUrl.optional(),
    'The issuer of an OpenID provider, as its discovery document names it. People can then sign in there.',
  ),
  OIDC_CLIENT_ID: forApi(format.text.optional(), 'The client ID at the provider. Required with `OIDC_ISSUER`.'),
  OIDC_CLIENT_SECRET: forApi(
    format.text.optional(),
    'The client secret at the provider.',
    'none: Aftersend is a public client',
  ),
  OIDC_SCOPES: forApi(
    format.text.default('openid profile email'),
    'The scopes that are requested, with spaces between. Some providers need `groups` among them.',
  ),
  OIDC_ROLES_CLAIM: forApi(
    // An address counts only if it is verified, and as a claim of roles it would always count.
    format.text
      .refine((claim) => claim !== 'email', 'must not be email: OIDC_ROLES may name addresses whatever the claim')
      .default('groups'),
    'The claim whose values `OIDC_ROLES` names, or a path to it such as `realm_access.roles`.',
  ),
  OIDC_ROLES: forApi(
    roleRules.optional(),
    'Who has which role: values of the claim, and addresses that the provider has verified. Of several roles, the highest counts. Nobody else gets in. ' +
      'Required with `OIDC_ISSUER`.',
  ),
}

type PeopleVariables = Readonly<z.infer<z.ZodObject<typeof people>>>

/** How people sign in. */
export interface SignInSettings {
  readonly withKeys: boolean
  readonly openId: OpenIdSettings | null
}

export function signInSettings(env: PeopleVariables): SignInSettings {
  const { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: clientId, PUBLIC_URL: publicUrl, OIDC_ROLES: roles } = env
  const others = { scopes: env.OIDC_SCOPES, rolesClaim: env.OIDC_ROLES_CLAIM }
  return {
    withKeys: env.SIGN_IN_WITH_KEYS === 'on',
    openId:
      issuer && clientId && publicUrl && roles
        ? { issuer, clientId, clientSecret: env.OIDC_CLIENT_SECRET ?? null, publicUrl, roles, ...others }
        : null,
  }
}

/** Settings that another one requires; by the raw values, as in config.ts. */
export function missingPeopleSettings(given: Readonly<Record<string, string | undefined>>): string[] {
  if (!given['OIDC_ISSUER']) {
    return given['SIGN_IN_WITH_KEYS'] === 'off'
      ? ['SIGN_IN_WITH_KEYS=off requires OIDC_ISSUER: nobody could sign in']
      : []
  }
  return ['OIDC_CLIENT_ID', 'OIDC_ROLES', 'PUBLIC_URL']
    .filter((name) => !given[name])
    .map((name) => `${name} is missing: OIDC_ISSUER requires it`)
}
