/** Answers a client that is still sending. */
import type { Context } from 'koa'

const drainLimitMs = 1_000

/**
 * Sends the whole answer, then reads on for up to a second before closing. Closing at once would reset the connection,
 * and the client would see the reset instead of the answer.
 */
export async function answerThenDrain(ctx: Context): Promise<void> {
  ctx.respond = false
  const { req, res } = ctx
  res.setHeader('Content-Length', Buffer.byteLength(String(ctx.body)))
  res.write(String(ctx.body))
  req.resume()
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, drainLimitMs)
    for (const event of ['end', 'close', 'error']) {
      req.once(event, () => {
        clearTimeout(timer)
        resolve()
      })
    }
  })
  res.end()
}
