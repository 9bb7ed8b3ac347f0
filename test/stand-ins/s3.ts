/**
 * A store with the interface of Amazon S3, as "Amazon S3 API Reference" says: PutObject, HeadObject and DeleteObject in one bucket, with the
 * bucket in the path. Requests are refused unless they are signed, and their body is what was signed.
 */
import { createHash } from 'node:crypto'
import { isSignedWith } from '../../src/stand-ins/aws-signature.ts'
import {
  type StandInAnswer,
  type StandInRequest,
  type StandInServer,
  startStandInServer,
} from '../../src/stand-ins/server.ts'

export interface S3StandIn extends Pick<StandInServer, 'setFaults' | 'requests' | 'close'> {
  /** Without a slash at its end. */
  readonly endpoint: string
  readonly bucket: string
  readonly credentials: { readonly keyId: string; readonly secret: string; readonly region: string }
  /** By key. */
  readonly objects: ReadonlyMap<string, Buffer>
}

const error = (status: number, code: string): StandInAnswer => ({ status, body: `<Error><Code>${code}</Code></Error>` })

export async function startS3StandIn(clock: () => number = Date.now): Promise<S3StandIn> {
  const bucket = 'exported'
  const credentials = { keyId: 'AKIAEXPORT', secret: 'secret-of-the-store', region: 'eu-west-1' }
  const objects = new Map<string, Buffer>()

  const answer = ({ method, path, bytes }: StandInRequest): StandInAnswer => {
    const [, named, ...rest] = path.split('/')
    if (named !== bucket) return error(404, 'NoSuchBucket')
    const key = rest.join('/')
    if (method === 'PUT') {
      objects.set(key, bytes)
      return { status: 200, body: '' }
    }
    if (method === 'DELETE') {
      objects.delete(key)
      return { status: 200, body: '' }
    }
    return objects.has(key) ? { status: 200, body: '' } : error(404, 'NoSuchKey')
  }

  const isAuthorized = (request: StandInRequest): boolean =>
    request.headers['x-amz-content-sha256'] === createHash('sha256').update(request.bytes).digest('hex') &&
    isSignedWith({ ...credentials, service: 's3' }, request)
  const refusal = error(403, 'SignatureDoesNotMatch')
  const server = await startStandInServer({ isAuthorized, refusal, answer, clock })
  return { ...server, endpoint: server.apiUrl, bucket, credentials, objects }
}
