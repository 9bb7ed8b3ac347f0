/**
 * Whole mails, as a mail server pipes them to `POST /webhooks/mail`: bounces, feedback reports, automatic replies. What a mail says is read in
 * src/mail, since its events belong to emails of other providers.
 */
import { maxMailBytes } from '../../domain/mail-size.ts'
import { credentialProof, type Proof } from '../proof.ts'
import { InvalidEventError, type Provider } from '../provider.ts'
import { matchesAny } from '../signature.ts'
import { isStandardSecret, standardProof } from '../standard-signature.ts'

const signature = standardProof('webhook')

/** Only with its prefix is a secret one of Standard Webhooks: any other text may be a token. */
const proofBy = (secret: string): Proof =>
  /^wh(?:sec|pk)_/.test(secret) && isStandardSecret(secret) ? signature : credentialProof

/** A credential, which a line of shell can send, or a signature by Standard Webhooks. */
export const mailProof: Proof = {
  ...credentialProof,
  verify: (rawBody, headers, secrets) =>
    matchesAny(secrets, (secret) => proofBy(secret).verify(rawBody, headers, [secret]) === true),
  requirement: `${credentialProof.requirement}, or a signing secret of Standard Webhooks (whsec_…, whpk_…)`,
  sign(body, secret, signedAt) {
    const signed = proofBy(secret).sign(body, secret, signedAt)
    return { ...signed, headers: { ...signed.headers, 'content-type': 'message/rfc822' } }
  },
}

export const mail: Provider = {
  name: 'mail',
  takesMail: true,
  maxBodyBytes: maxMailBytes,
  verify: mailProof.verify,
  parse() {
    throw new InvalidEventError('a whole mail is no event: POST /webhooks/mail takes it')
  },
}
