/** Hanging up politely on a sender that has not finished. */
import type { Context } from 'koa'

const drainLimitMs = 1_000

/**
 * Answers in full, then reads the rest of the request for a moment before closing: closing at once resets a connection
 * that is still sending, and the sender would see the reset instead of the answer.
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
