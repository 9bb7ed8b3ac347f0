import { messageOf } from '../../errors.ts'
import { type ProviderApi, ProviderRefusedError } from '../../providers/provider-api.ts'
import { providerNamed } from '../../providers/registry.ts'
import { type Finding, warning, well, wrong } from './finding.ts'

/**
 * Checks that the providers' APIs accept their keys, and have a webhook with this URL.
 * @param publicUrl without a slash at its end; null if it is not given.
 */
export const checkProviderApis = (
  apis: ReadonlyMap<string, ProviderApi>,
  publicUrl: string | null,
): Promise<Finding[]> => Promise.all([...apis].map(([name, api]) => checkProviderApi(name, api, publicUrl)))

/** One that was never sent. */
const noEmail = { emailId: 'aftersend-doctor', recipients: ['nobody@example.com'], since: Date.now() }

async function checkProviderApi(name: string, api: ProviderApi, publicUrl: string | null): Promise<Finding> {
  const check = `api of ${providerNamed(name)?.title ?? name}`
  try {
    if (!api.webhooks) {
      await api.fetchEvents(noEmail)
      return well(check, 'accepts the key')
    }
    const urls = (await api.webhooks.listWebhooks()).map(({ url }) => url)
    if (publicUrl === null || urls.some((url) => url.startsWith(`${publicUrl}/`))) {
      return well(check, `accepts the key; it posts to ${urls.length} URLs`)
    }
    const todo = `set up a webhook: aftersend webhooks register ${publicUrl} --provider ${name}`
    return warning(check, `accepts the key, but has no webhook for ${publicUrl}`, todo)
  } catch (error) {
    if (error instanceof ProviderRefusedError) return wrong(check, 'refuses the key', messageOf(error))
    return warning(
      check,
      messageOf(error),
      'check that it can be reached; until then, stalls are escalated without a status lookup, and no email is sent',
    )
  }
}
