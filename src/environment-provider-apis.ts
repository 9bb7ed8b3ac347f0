/** The environment variables of providers' APIs: what Aftersend asks, reconciles with and sends through. */
import { z } from 'zod'
import * as format from './environment-formats.ts'
import { forBoth } from './environment-formats.ts'

export const providerApis = {
  AISEND_API_KEY: forBoth(
    format.text.optional(),
    'Key of the AISend API. It is used to ask about stalled emails and to send with `POST /v1/emails/send`.',
    'AISend is not asked and not sent through',
  ),
  AISEND_API_URL: forBoth(format.httpUrl.default('https://api.aisend.com'), 'Base URL of the AISend API.'),
  RESEND_API_KEY: forBoth(
    format.text.optional(),
    'Key of the Resend API. It is used to ask about stalled emails and to send with `POST /v1/emails/send`.',
    'Resend is not asked and not sent through',
  ),
  RESEND_API_URL: forBoth(format.httpUrl.default('https://api.resend.com'), 'Base URL of the Resend API.'),
  SENDGRID_API_KEY: forBoth(
    format.text.optional(),
    'Key of the SendGrid API, to ask about stalled emails. It needs the permissions to read Email Logs and suppressions, and to change suppressions if you push them.',
    'SendGrid is not asked',
  ),
  SENDGRID_API_URL: forBoth(
    format.httpUrl.default('https://api.sendgrid.com'),
    'Base URL of the SendGrid API; `https://api.eu.sendgrid.com` for an account in the EU.',
  ),
  POSTMARK_API_KEY: forBoth(
    format.text.optional(),
    'Server API token of Postmark, to ask about stalled emails.',
    'Postmark is not asked',
  ),
  POSTMARK_API_URL: forBoth(format.httpUrl.default('https://api.postmarkapp.com'), 'Base URL of the Postmark API.'),
  MAILGUN_API_KEY: forBoth(
    format.text.optional(),
    'Key of the Mailgun API, to ask about stalled emails.',
    'Mailgun is not asked',
  ),
  MAILGUN_API_URL: forBoth(
    format.httpUrl.default('https://api.mailgun.net'),
    'Base URL of the Mailgun API; `https://api.eu.mailgun.net` for domains in the EU.',
  ),
  MAILGUN_DOMAINS: forBoth(
    format.list.meta({ form: 'comma-separated domains' }),
    'The sending domains at Mailgun, whose suppression lists are read.',
    'none is read',
  ),
  MANDRILL_API_KEY: forBoth(
    format.text.optional(),
    'Key of the Mailchimp Transactional API, to ask about stalled emails and to read the denylist. If it is limited to calls: Messages → Info, Rejects → List, and Rejects → Add and Delete if you push suppressions.',
    'Mailchimp Transactional is not asked',
  ),
  MANDRILL_API_URL: forBoth(
    format.httpUrl.default('https://mandrillapp.com'),
    'Base URL of the Mailchimp Transactional API.',
  ),
  MAILJET_API_KEY: forBoth(
    z
      .string()
      .regex(/^[^\s:]+:[^\s:]+$/, 'must be the API key and the secret key of Mailjet, such as KEY:SECRET')
      .optional()
      .meta({ form: '`KEY:SECRET`' }),
    'API key and secret key of Mailjet, to ask about stalled emails.',
    'Mailjet is not asked',
  ),
  MAILJET_API_URL: forBoth(
    format.httpUrl.default('https://api.mailjet.com'),
    'Base URL of the Mailjet API; `https://api.us.mailjet.com` for an account in the US.',
  ),
  SES_ACCESS_KEY_ID: forBoth(
    format.text.optional(),
    'Access key of Amazon Web Services, to ask SES about stalled emails. The account needs Virtual Deliverability Manager.',
    'SES is not asked',
  ),
  SES_API_KEY: forBoth(format.text.optional(), 'The secret access key to `SES_ACCESS_KEY_ID`.', 'SES is not asked'),
  SES_REGION: forBoth(format.text.optional(), 'The region of SES, such as `eu-west-1`. Required with `SES_API_KEY`.'),
  SES_API_URL: forBoth(format.httpUrl.optional(), 'Base URL of the SES API.', 'that of the region'),
  SPARKPOST_API_KEY: forBoth(
    format.text.optional(),
    'Key of the SparkPost API, to ask about stalled emails. It needs the grants `Events Search: Read-only`, and `suppression_lists/manage` for the suppression list.',
    'SparkPost is not asked',
  ),
  SPARKPOST_API_URL: forBoth(
    format.httpUrl.default('https://api.sparkpost.com'),
    'Base URL of the SparkPost API; `https://api.eu.sparkpost.com` for an account in the EU.',
  ),
  BREVO_API_KEY: forBoth(
    format.text.optional(),
    'API key of Brevo, to ask about stalled emails. It is not the SMTP key.',
    'Brevo is not asked',
  ),
  BREVO_API_URL: forBoth(format.httpUrl.default('https://api.brevo.com'), 'Base URL of the Brevo API.'),
  MAILERSEND_API_KEY: forBoth(
    format.text.optional(),
    'API token of MailerSend, to ask about stalled emails. It needs to read activity and suppressions, and access to emails.',
    'MailerSend is not asked',
  ),
  MAILERSEND_API_URL: forBoth(format.httpUrl.default('https://api.mailersend.com'), 'Base URL of the MailerSend API.'),
  LETTERMINT_API_KEY: forBoth(
    format.text.optional(),
    'Team API token of Lettermint, to ask about stalled emails. It needs to read messages and suppressions, and to write suppressions if you push them.',
    'Lettermint is not asked',
  ),
  LETTERMINT_API_URL: forBoth(format.httpUrl.default('https://api.lettermint.co'), 'Base URL of the Lettermint API.'),
  SCALEWAY_API_KEY: forBoth(
    format.text.optional(),
    'Secret key of a Scaleway API key, to ask about stalled emails. It needs `TransactionalEmailReadOnly`, and `TransactionalEmailBlocklistFullAccess` if you push suppressions.',
    'Scaleway is not asked',
  ),
  SCALEWAY_API_URL: forBoth(format.httpUrl.default('https://api.scaleway.com'), 'Base URL of the Scaleway API.'),
}
