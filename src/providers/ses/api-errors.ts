/**
 * The errors of the SES API. Sources: the errors in Amazon's service model (github.com/boto/botocore 1.43.67, sesv2 2019-09-27), "Common
 * Error Types" in the API reference, and botocore's parser for where an answer has its error code.
 */
import { isObject, textIn } from '../fields.ts'
import { EmailRefusedError, ProviderRefusedError, ProviderUnreachableError } from '../provider-api.ts'
import type { ErrorAnswer } from '../provider-http.ts'

const oneOf =
  (...beginnings: string[]) =>
  (code: string): boolean =>
    beginnings.some((beginning) => code.startsWith(beginning))

/** Some codes end in `Exception` in one protocol of Amazon's, and not in another. */
const isThrottled = oneOf('TooManyRequests', 'Throttling', 'ThrottledException', 'RequestThrottled')
const isDenied = oneOf('AccessDenied', 'NotAuthorized', 'UnauthorizedOperation')
const isUnauthenticated = oneOf(
  ...[
    'InvalidSignature',
    'SignatureDoesNotMatch',
    'IncompleteSignature',
    'MissingAuthenticationToken',
    'RequestExpired',
  ],
  ...['UnrecognizedClient', 'InvalidClientTokenId', 'ExpiredToken', 'OptInRequired'],
)

/** The error of an answer that has a documented code; null where its status says the same. */
export function sesErrorIn({ status, headers, json }: ErrorAnswer): Error | null {
  const body = isObject(json) ? json : {}
  const code = codeIn(headers.get('x-amzn-errortype') ?? textIn(body, ['__type', 'code']) ?? '')
  // As of an unknown email, with another sentence: an account without it knows no email.
  if (/Virtual Deliverability Manager/i.test(textIn(body, ['message', 'Message']) ?? '')) {
    return new ProviderRefusedError(
      'Amazon SES reports what happened to emails only with Virtual Deliverability Manager: turn it on in the region SES_REGION',
    )
  }
  if (isThrottled(code) && status !== 429) {
    return new ProviderUnreachableError(`Amazon SES answered ${code}`, { isRateLimited: true, mayHaveArrived: false })
  }
  if (isDenied(code)) {
    return new ProviderRefusedError(
      'Amazon SES denies the key this request: allow it ses:GetMessageInsights, ses:ListSuppressedDestinations and, to push, ses:PutSuppressedDestination and ses:DeleteSuppressedDestination',
    )
  }
  if (isUnauthenticated(code)) {
    return new ProviderRefusedError(
      `Amazon SES refuses the signature (${code}): check SES_ACCESS_KEY_ID, SES_API_KEY, SES_REGION and the server's clock`,
    )
  }
  if (status === 404 && code !== 'NotFoundException') {
    return new ProviderUnreachableError('Amazon SES does not know this request: check SES_API_URL')
  }
  return status === 400 ? new EmailRefusedError('Amazon SES refuses the request with 400', status, code || null) : null
}

/** `NotFoundException` in `com.amazonaws.ses#NotFoundException:http://internal.amazon.com/`; empty if there is none. */
const codeIn = (text: string): string => /^(?:[\w.]+#)?(\w{1,64})/.exec(text)?.[1] ?? ''
