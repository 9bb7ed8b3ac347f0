/** The environment variables of whole mails: bounces, feedback reports and automatic replies. */
import { isReturnPath } from './domain/return-path.ts'
import * as format from './environment-formats.ts'
import { forApi } from './environment-formats.ts'

const returnPaths = format.list
  .refine((paths) => paths.every(isReturnPath), 'must be addresses with {id} before the @')
  .meta({ form: 'comma-separated addresses with `{id}`' })

export const mail = {
  MAIL_RETURN_PATH: forApi(
    returnPaths,
    'Return paths that contain the email’s ID, such as `bounce+{id}@bounces.example.com`. Bounces are found by it. With it, a bounce that comes to no such ' +
      'address, about an email that is not known, is dropped.',
    'bounces are found by Message-ID',
  ),
}

export interface MailSettings {
  /** Each with `{id}`. */
  readonly returnPaths: readonly string[]
}

export const mailSettings = (env: { readonly MAIL_RETURN_PATH: readonly string[] }): MailSettings => ({
  returnPaths: env.MAIL_RETURN_PATH,
})
