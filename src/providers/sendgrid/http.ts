/** HTTP for SendGrid's API. */
import { answersFrom } from '../provider-answer.ts'
import { type ApiOptions, EmailRefusedError, ProviderUnreachableError } from '../provider-api.ts'
import { createProviderHttp, type ProviderHttp } from '../provider-http.ts'

/**
 * SendGrid answers too many requests with the time at which the limit ends (twilio.com/docs/sendgrid/api-reference/
 * how-to-use-the-sendgrid-v3-api/rate-limits). A question that is refused is no email that is refused.
 */
export function createSendgridHttp(options: ApiOptions): ProviderHttp {
  const http = createProviderHttp({
    ...options,
    title: 'SendGrid',
    keySetting: 'SENDGRID_API_KEY',
    rateLimitResetHeader: 'x-ratelimit-reset',
  })
  return {
    request: (request) =>
      http.request(request).catch((error) => {
        throw error instanceof EmailRefusedError && isQuestion(request)
          ? new ProviderUnreachableError(error.message)
          : error
      }),
  }
}

const isQuestion = ({ method, path }: Parameters<ProviderHttp['request']>[0]): boolean =>
  method === 'GET' || path.startsWith('/v3/logs')

/** Sends nothing after `timeoutMs`, however many requests there are. */
export function withDeadline(http: ProviderHttp, timeoutMs: number): ProviderHttp {
  const endsAt = performance.now() + timeoutMs
  return {
    async request(request) {
      if (performance.now() < endsAt) return http.request(request)
      throw new ProviderUnreachableError(`SendGrid did not answer all requests within ${timeoutMs} ms`)
    },
  }
}

export const { answerOf, undocumentedAnswer } = answersFrom('SendGrid')
