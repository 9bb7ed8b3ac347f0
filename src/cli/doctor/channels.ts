import { messageOf } from '../../errors.ts'
import { NoticeRefusedError, type SupportChannel } from '../../notifications/channel.ts'
import { type Finding, skipped, warning, well, wrong } from './finding.ts'

/** Checks the credentials of each channel, and sends nothing. Most services accept a message, and have nothing to ask before. */
export const checkChannels = (channels: readonly SupportChannel[]): Promise<Finding[]> =>
  Promise.all(channels.map(checkChannel))

async function checkChannel({ name, check: ask }: SupportChannel): Promise<Finding> {
  const check = `channel ${name}`
  const send = `send a test message: aftersend channels test ${name}`
  if (!ask) return skipped(check, 'its service has no way to check credentials without a message', send)
  try {
    await ask()
    return well(check, 'accepts the credentials')
  } catch (error) {
    if (error instanceof NoticeRefusedError) return wrong(check, 'refuses the credentials', messageOf(error))
    return warning(check, messageOf(error), 'check that it can be reached; notifications are sent again for three days')
  }
}
