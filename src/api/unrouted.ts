/** The answer to what no route takes. */
import type { Context } from 'koa'
import { Problem } from './problem.ts'

/** The last of a server's middlewares. @throws Problem always: 404, or 405 with what the path does take. */
export const refuseUnrouted = (ctx: Context): never => {
  const { matched } = ctx as { matched?: readonly { methods: readonly string[] }[] }
  const methods = [...new Set(matched?.flatMap((layer) => layer.methods))]
  if (methods.length === 0) throw new Problem(404, 'there is nothing at this path')
  throw new Problem(405, `this path takes ${methods.join(', ')}`, { headers: { Allow: methods.join(', ') } })
}
