/** What the errors of openid-client say (https://github.com/panva/openid-client). */
interface LibraryError {
  readonly code?: unknown
  /** Of the server's answer. */
  readonly status?: unknown
  readonly error?: unknown
}

/** Whether another attempt may succeed: the server gave no answer, or one that says that this passes. */
export function isUnanswered(failure: unknown): boolean {
  const { code, status, error } = failure as LibraryError
  if (code === 'OAUTH_RESPONSE_BODY_ERROR') {
    return Number(status) >= 500 || status === 429 || error === 'temporarily_unavailable'
  }
  return (
    ['OAUTH_TIMEOUT', 'OAUTH_RESPONSE_IS_NOT_CONFORM'].includes(String(code)) ||
    (failure instanceof TypeError && failure.message === 'fetch failed')
  )
}

/** A code: what the server wrote besides may quote anything. */
export function reasonOf(failure: unknown): string {
  const { error, code } = failure as LibraryError
  return [error, code].find((each) => typeof each === 'string' && /^\w{1,64}$/.test(each))?.toString() ?? 'no reason'
}
