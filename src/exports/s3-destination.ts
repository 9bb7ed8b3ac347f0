/** Objects in S3, or in a store with the same interface, by signature version 4. */
import { createHash } from 'node:crypto'
import { AwsV4Signer } from 'aws4fetch'
import { ExponentialBackoff, handleType, retry } from 'cockatiel'
import type { Destination } from './destination.ts'
import { DestinationRefusedError, DestinationUnreachableError } from './errors.ts'

export interface S3Settings {
  readonly keyId: string
  readonly secret: string
  readonly region: string
  /** Of a store that is compatible with S3, such as MinIO or R2; null: Amazon's, by the region. */
  readonly endpoint: string | null
}

/** For one attempt. A part has up to some 30 MB. */
const timeoutMs = 60_000

/** Attempts after the first, within some seconds. A longer outage is for the caller to wait out. */
const retrying = () =>
  retry(handleType(DestinationUnreachableError), {
    maxAttempts: 4,
    backoff: new ExponentialBackoff({ initialDelay: 200, maxDelay: 3_000 }),
  })

/** @param to `s3://bucket` or `s3://bucket/prefix`. */
export function createS3Destination(to: string, settings: S3Settings): Destination {
  const { host: bucket, pathname } = new URL(to)
  const prefix = decodeURIComponent(pathname).replace(/^\/+|\/+$/g, '')
  const base = settings.endpoint
    ? `${settings.endpoint.replace(/\/+$/, '')}/${bucket}`
    : `https://${bucket}.s3.${settings.region}.amazonaws.com`
  const urlOf = (path: string) =>
    `${base}/${(prefix === '' ? path : `${prefix}/${path}`).split('/').map(encodeURIComponent).join('/')}`
  const policy = retrying()
  const request = (method: Method, path: string, bytes?: Uint8Array) =>
    policy.execute(() => requestOnce(settings, method, urlOf(path), bytes))
  return {
    async put(path, bytes) {
      expectFound(await request('PUT', path, bytes))
    },
    has: async (path) => (await request('HEAD', path)) !== 404,
    async remove(path) {
      await request('DELETE', path)
    },
  }
}

type Method = 'PUT' | 'HEAD' | 'DELETE'

/**
 * @returns the status: of 2xx, or 404.
 * @throws DestinationUnreachableError if it can be tried again, else DestinationRefusedError.
 */
async function requestOnce(settings: S3Settings, method: Method, url: string, body?: Uint8Array): Promise<number> {
  const { keyId, secret, region } = settings
  const { headers } = await new AwsV4Signer({
    ...{ method, url, region, service: 's3', accessKeyId: keyId, secretAccessKey: secret },
    headers: {
      'x-amz-content-sha256': createHash('sha256')
        .update(body ?? '')
        .digest('hex'),
    },
  }).sign()
  const response = await fetch(url, {
    method,
    headers,
    // Of another region or host, to which the signature does not apply.
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
    ...(body && { body: body as Uint8Array<ArrayBuffer> }),
  }).catch((cause) => {
    throw new DestinationUnreachableError(`the store of ${new URL(url).host} does not answer`, { cause })
  })
  const text = await response.text().catch(() => '')
  if (response.ok || response.status === 404) return response.status
  throw errorOf(response.status, text, new URL(url).host)
}

/** The code is S3's own word, such as `SlowDown`; the rest of the answer may quote names. */
function errorOf(status: number, text: string, host: string): Error {
  const code = /<Code>([A-Za-z]{1,60})<\/Code>/.exec(text)?.[1]
  const answer = `the store of ${host} answers ${status}${code === undefined ? '' : ` (${code})`}`
  if (status >= 500 || status === 429 || status === 408) return new DestinationUnreachableError(answer)
  if (status === 403)
    return new DestinationRefusedError(`${answer}: check S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY and its rights`)
  return new DestinationRefusedError(`${answer}: check the bucket, S3_REGION and S3_ENDPOINT`)
}

function expectFound(status: number): void {
  if (status === 404) throw new DestinationRefusedError('the store has no such bucket: create it, or correct its name')
}
