/** `GET /live`: tells an open page that it is out of date. What is new the page reads for itself, as a reload would. */
import type Router from '@koa/router'
import { z } from 'zod'
import { inTime } from '../api/deadlines.ts'
import type { EventStreams } from '../api/event-streams.ts'
import { emailId, name, parseInput } from '../api/input.ts'
import type { ChangeFeed } from '../live/change-feed.ts'

export interface LiveDependencies {
  readonly changes: ChangeFeed
  readonly streams: EventStreams
}

const query = z.object({ provider: name(64).optional(), email: emailId.optional() })

export function addLiveRoute(router: Router, { changes, streams }: LiveDependencies): void {
  router.get('/live', async (ctx) => {
    const { provider, email: id } = parseInput(query, ctx.query, 'query')
    streams.refuseWhenFull()
    if (ctx.method === 'HEAD') {
      // What is asked for is that there is a stream, not one.
      ctx.type = 'text/event-stream'
      ctx.status = 200
      return
    }
    let tell = () => {}
    const subscription = await inTime(() =>
      changes.subscribe({ provider, id }, ({ emails }) => {
        if (emails.length > 0) tell()
      }),
    )
    try {
      const stream = streams.open(ctx)
      stream.onClose(() => subscription.end())
      tell = () => stream.send({ event: 'changed', data: {} })
      // Something may have changed since the page was made, or since this browser last listened.
      tell()
    } catch (error) {
      subscription.end()
      throw error
    }
  })
}
