/** Files that forms upload. */
import { Writable } from 'node:stream'
import type { Context } from 'koa'
import { koaBody } from 'koa-body'
import { Problem } from '../http/problem.ts'

interface UploadedFile {
  readonly filename: string | null
  readonly content: Buffer
}

interface UploadLimits {
  readonly maxFiles: number
  /** Of all files together. They are held in memory. */
  readonly maxBytes: number
  /** What to do about more than that. */
  readonly tooMuch: string
  /** What to do without a file. */
  readonly missing: string
}

/** @throws Problem 413 over a limit, 415 for another content type, 400 without a file. */
export async function readUploads(ctx: Context, limits: UploadLimits): Promise<UploadedFile[]> {
  if (!ctx.is('multipart')) throw new Problem(415, 'the content type must be multipart/form-data')
  const files: { filename: string | null; chunks: Buffer[] }[] = []
  const collect = (file?: { readonly originalFilename?: string | null }) => {
    const chunks: Buffer[] = []
    files.push({ filename: file?.originalFilename ?? null, chunks })
    return new Writable({
      write(chunk: Buffer, _, done) {
        chunks.push(chunk)
        done()
      },
    })
  }
  const { maxFiles, maxBytes: maxFileSize } = limits
  const parse = koaBody({
    multipart: true,
    urlencoded: false,
    json: false,
    text: false,
    // In memory, since a file in a temporary folder could be read by others.
    formidable: { maxFiles, maxFileSize, fileWriteStreamHandler: collect } as never,
    onError: (error) => {
      throw uploadProblem(error, limits)
    },
  })
  await parse(ctx, async () => {})
  if (files.length === 0) throw new Problem(400, limits.missing)
  return files.map(({ filename, chunks }) => ({ filename, content: Buffer.concat(chunks) }))
}

function uploadProblem(error: Error, { tooMuch, missing }: UploadLimits): Problem {
  const { httpCode } = error as { httpCode?: number }
  if (httpCode !== 413) return new Problem(400, missing)
  return new Problem(413, tooMuch, { headers: { Connection: 'close' } })
}
