/** The environment variable of the senders that are mapped. */
import * as format from './environment-formats.ts'
import { forApi } from './environment-formats.ts'

export const senders = {
  MAPPINGS_FILE: forApi(
    format.path.optional(),
    'A JSON file that maps the webhooks of [senders of your own](own-senders.md). The secret of a sender `acme` is in `ACME_WEBHOOK_SECRET`.',
    'no further senders',
  ),
}
