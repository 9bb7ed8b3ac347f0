/** The keys that Amazon SNS, or a service that speaks as it does, signs with, from its certificates. */
import { type KeyObject, X509Certificate } from 'node:crypto'
import { type AdapterDependencies, VerificationUnavailableError } from '../provider.ts'
import { fetchText, type SnsMessage } from './sns.ts'

/** Amazon changes its certificate about once a year; it is fetched again after a day. */
const validForMs = 24 * 3_600_000

/** For so long, a certificate that its owner does not have is not asked for again. */
const absentForMs = 60_000

/**
 * Certificates that are not known yet, in a minute: whoever has no signature could else make this server send a request for each of its own.
 * Those that are known are not concerned: the genuine messages of an attacked topic are verified as before.
 */
const [unknownLimit, unknownPeriodMs] = [10, 60_000]

type SigningKeysOptions = Pick<AdapterDependencies, 'fetch' | 'clock'> & {
  /** Whose certificates they are, for messages. */
  readonly owner: string
  /** The URL of a message's certificate; null if `SigningCertURL` is none of the owner's. */
  readonly certificateUrl: (message: SnsMessage) => URL | null
  /** Whether the owner issued a certificate that was at such a URL. Default: it did. @throws VerificationUnavailableError */
  readonly isIssued?: (certificate: X509Certificate, message: SnsMessage) => Promise<boolean>
}

export class SigningKeys {
  readonly #options: SigningKeysOptions
  /** Of certificates that the owner has, of which there are few. */
  readonly #keys = new Map<string, { readonly key: KeyObject; readonly until: number }>()
  readonly #fetching = new Map<string, Promise<KeyObject | null>>()
  /** When those were asked for that were not known: the last {@link unknownLimit}, with what the owner does not have. */
  #unknown: { readonly url: string; readonly at: number; isAbsent: boolean }[] = []

  constructor(options: SigningKeysOptions) {
    this.#options = options
  }

  /**
   * The key of a message's `SigningCertURL`; null if that is not the URL of an SNS certificate, or the owner has none there.
   * @throws VerificationUnavailableError when the certificate cannot be fetched.
   */
  async keyFor(message: SnsMessage): Promise<KeyObject | null> {
    const url = this.#options.certificateUrl(message)
    if (!url) return null
    const known = this.#keys.get(url.href)
    const now = this.#options.clock()
    if (known && now < known.until) return known.key
    return this.#fetching.get(url.href) ?? this.#fetch(url, message, known !== undefined, now)
  }

  async #fetch(url: URL, message: SnsMessage, isKnown: boolean, now: number): Promise<KeyObject | null> {
    const asked = { url: url.href, at: now, isAbsent: false }
    if (!isKnown) {
      this.#unknown = this.#unknown.filter(({ at }) => at > now - unknownPeriodMs)
      if (this.#unknown.some((other) => other.url === url.href && other.isAbsent && now < other.at + absentForMs))
        return null
      if (this.#unknown.length >= unknownLimit) {
        throw new VerificationUnavailableError(
          'too many certificates of SNS are asked for: send the message again later',
        )
      }
      this.#unknown.push(asked)
    }
    const fetching = this.#keyAt(url, message)
    this.#fetching.set(url.href, fetching)
    try {
      const key = await fetching
      if (key) this.#keys.set(url.href, { key, until: now + validForMs })
      else asked.isAbsent = true
      return key
    } finally {
      // After an error, the next message asks again.
      this.#fetching.delete(url.href)
    }
  }

  async #keyAt(url: URL, message: SnsMessage): Promise<KeyObject | null> {
    const { fetch, owner, isIssued } = this.#options
    const { status, text } = await fetchText(fetch, url, 'fetching the certificate of SNS', owner)
    if (status >= 400 && status <= 499) return null
    if (status !== 200) {
      throw new VerificationUnavailableError(`fetching the certificate of SNS failed: ${owner} answers ${status}`)
    }
    const certificate = certificateIn(text)
    const now = this.#options.clock()
    if (now < Date.parse(certificate.validFrom) || now > Date.parse(certificate.validTo)) {
      throw new VerificationUnavailableError(
        'the certificate of SNS is not valid at this time: check the clock of this machine',
      )
    }
    return isIssued && !(await isIssued(certificate, message)) ? null : certificate.publicKey
  }
}

function certificateIn(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (cause) {
    throw new VerificationUnavailableError('the certificate of SNS is unreadable', { cause })
  }
}
