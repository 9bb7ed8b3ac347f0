/** The answer to requests that no route handles. */
import type { Context } from 'koa'
import { Problem } from './problem.ts'

/** The last of a server's middlewares. @throws Problem always: 404, or 405 with the methods that the path supports. */
export const refuseUnrouted = (ctx: Context): never => {
  const { matched } = ctx as { matched?: readonly { methods: readonly string[] }[] }
  const methods = [...new Set(matched?.flatMap((layer) => layer.methods))]
  if (methods.length === 0) throw new Problem(404, 'no such path: /docs lists all routes')
  throw new Problem(405, `method not allowed: use ${methods.join(', ')}`, { headers: { Allow: methods.join(', ') } })
}
