import type { Context } from 'koa'
import { refuseEncoded } from '../http/body.ts'
import { Problem } from '../http/problem.ts'

/**
 * The body of a request, as it comes.
 * @throws Problem 413 before reading if Content-Length is over the limit, while reading otherwise; 415 if encoded.
 */
export function uploadedFile(ctx: Context, limitBytes: number): AsyncIterable<Buffer> {
  refuseEncoded(ctx)
  const tooLarge = () =>
    new Problem(413, `the file must not be larger than ${limitBytes / 1_048_576} MiB: split it`, {
      headers: { Connection: 'close' },
    })
  if (Number(ctx.req.headers['content-length'] ?? 0) > limitBytes) throw tooLarge()
  let bytes = 0
  return (async function* () {
    // Not destroyed when the file is refused, so that the client gets the answer.
    for await (const chunk of ctx.req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > limitBytes) throw tooLarge()
      yield chunk
    }
  })()
}
