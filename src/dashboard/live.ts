/** `GET /live`: an event stream that announces changes. The page then loads itself again. */
import { z } from 'zod'
import { emailId } from '../api/email-input.ts'
import { inTime } from '../db/request-deadline.ts'
import type { EventStreams } from '../http/event-streams.ts'
import { name, parseInput } from '../http/input.ts'
import type { ChangeFeed } from '../live/change-feed.ts'
import type { PageRouter } from './page-router.ts'

interface LiveDependencies {
  readonly changes: ChangeFeed
  readonly streams: EventStreams
}

const query = z.object({ provider: name(64).optional(), email: emailId.optional() })

export function addLiveRoute(router: PageRouter, { changes, streams }: LiveDependencies): void {
  router.get('/live', 'read', async (ctx) => {
    const { provider, email: id } = parseInput(query, ctx.query, 'query')
    streams.refuseWhenFull()
    if (ctx.method === 'HEAD') {
      // The headers alone, without opening a stream.
      ctx.type = 'text/event-stream'
      ctx.status = 200
      return
    }
    let notify = () => {}
    const subscription = await inTime(() =>
      changes.subscribe({ provider, id }, ({ emails }) => {
        if (emails.length > 0) notify()
      }),
    )
    try {
      const stream = streams.open(ctx)
      stream.onClose(() => subscription.end())
      notify = () => stream.send({ event: 'changed', data: {} })
      // Changes may have happened since the page was rendered, or since the last connection.
      notify()
    } catch (error) {
      subscription.end()
      throw error
    }
  })
}
