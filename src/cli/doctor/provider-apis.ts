import { type ProviderApi, ProviderRefusedError } from '../../providers/provider.ts'
import { providerNamed } from '../../providers/registry.ts'
import { type Finding, warning, well, wordsOf, wrong } from './finding.ts'

/**
 * Whether the providers' APIs take our keys, and whether they post to us.
 * @param publicUrl where providers see Aftersend, without a slash at its end; null where nobody said.
 */
export const examineProviderApis = (
  apis: ReadonlyMap<string, ProviderApi>,
  publicUrl: string | null,
): Promise<Finding[]> => Promise.all([...apis].map(([name, api]) => examineApiOf(name, api, publicUrl)))

async function examineApiOf(name: string, api: ProviderApi, publicUrl: string | null): Promise<Finding> {
  const check = `api of ${providerNamed(name)?.title ?? name}`
  try {
    const urls = (await api.listWebhooks()).map(({ url }) => url)
    if (publicUrl === null || urls.some((url) => url.startsWith(`${publicUrl}/`))) {
      return well(check, `takes our key; it posts to ${urls.length} URLs`)
    }
    const todo = `aftersend webhooks register ${publicUrl} --provider ${name}`
    return warning(check, `takes our key, but posts nothing to ${publicUrl}`, todo)
  } catch (error) {
    if (error instanceof ProviderRefusedError) return wrong(check, 'refuses our key', wordsOf(error))
    return warning(
      check,
      wordsOf(error),
      'stalls are escalated without its word, and nothing is sent, until it answers',
    )
  }
}
