/** `/v1/channels`: the team's channels, and a test message to one. */
import { z } from 'zod'
import type { Caller } from '../domain/access.ts'
import { callerOf } from '../http/api-key.ts'
import { name } from '../http/input.ts'
import { Problem } from '../http/problem.ts'
import { defineRoute, type Route } from '../http/route.ts'

/** One of CHANNELS. */
export interface TeamChannel {
  readonly name: string
  readonly type: string
  /** Whose notifications it takes; null: those of all. */
  readonly projects: ReadonlySet<string> | null
  /** Sends a message that says that it is a test. @returns why the channel did not accept it; null if it did. */
  test(): Promise<string | null>
}

const channel = z.strictObject({ name: z.string(), type: z.string() })

export const channelRoutes = ({ teamChannels }: { readonly teamChannels: readonly TeamChannel[] }): Route[] => {
  const ofCaller = (caller: Caller) => teamChannels.filter((each) => belongsTo(each, caller))
  return [
    defineRoute(
      {
        method: 'get',
        path: '/v1/channels',
        tag: 'Channels',
        summary: 'List the channels that notify the team',
        description: 'They are configured by `CHANNELS`. A key of a project sees those that are for its project only.',
        answers: { 200: { description: 'All of them', schema: z.strictObject({ data: z.array(channel) }) } },
      },
      (ctx) => {
        ctx.body = { data: ofCaller(callerOf(ctx)).map(viewOf) }
      },
    ),

    defineRoute(
      {
        method: 'post',
        path: '/v1/channels/:name/test',
        scope: 'operate',
        tag: 'Channels',
        summary: 'Send a test message to a channel',
        description: 'With `pagerduty` and `opsgenie`, an alert of the lowest severity that is resolved at once.',
        params: z.object({ name: name(32) }),
        answers: { 200: { description: 'The channel has accepted it', schema: channel } },
        problems: { 404: 'No such channel', 502: 'The channel did not accept it: see `detail`' },
      },
      async (ctx, { params }) => {
        const found = ofCaller(callerOf(ctx)).find((each) => each.name === params.name)
        if (!found) throw new Problem(404, 'no such channel: GET /v1/channels lists them')
        const refusal = await found.test()
        if (refusal !== null) throw new Problem(502, refusal)
        ctx.body = viewOf(found)
      },
    ),
  ]
}

const viewOf = ({ name: channelName, type }: TeamChannel) => ({ name: channelName, type })

/** A project's key has to do with the channels that are of its project alone. */
const belongsTo = ({ projects }: TeamChannel, { project }: Caller): boolean =>
  project === null || (projects !== null && [...projects].every((each) => each === project))
