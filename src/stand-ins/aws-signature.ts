/**
 * Verifies Amazon's signature version 4, by "Create a signed AWS API request" in the IAM user guide. Written apart from the library that
 * signs, so that a fault of one is no fault of both.
 */
import { createHash, createHmac } from 'node:crypto'
import type { StandInRequest } from './server.ts'

export interface AwsCredentials {
  readonly keyId: string
  readonly secret: string
  readonly region: string
  /** The name in the scope of the signature: `ses`. */
  readonly service: string
}

const authorizationForm = /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/

/** What is signed of a request. */
type SignedRequest = Omit<StandInRequest, 'bytes'>

/** Whether the request is signed with these credentials. How old it is, is not checked. */
export function isSignedWith(credentials: AwsCredentials, request: SignedRequest): boolean {
  const { keyId, secret, region, service } = credentials
  const [, credential, signedHeaders = '', signature] =
    authorizationForm.exec(request.headers.authorization ?? '') ?? []
  const at = String(request.headers['x-amz-date'])
  const scope = [at.slice(0, 8), region, service, 'aws4_request']
  if (credential !== [keyId, ...scope].join('/') || !signedHeaders.split(';').includes('host')) return false
  const toSign = ['AWS4-HMAC-SHA256', at, scope.join('/'), sha256(canonicalForm(request, signedHeaders, service))].join(
    '\n',
  )
  const key = scope.reduce<Buffer>((last, part) => hmac(last, part), Buffer.from(`AWS4${secret}`))
  return hmac(key, toSign).toString('hex') === signature
}

function canonicalForm(
  { method, path, query, headers, body }: SignedRequest,
  signedHeaders: string,
  service: string,
): string {
  const pairs = [...query].map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
  const lines = signedHeaders.split(';').map((name) => `${name}:${String(headers[name]).trim()}\n`)
  // S3 is an exception twice: the path is encoded once, and a header has the hash of the body, which the caller compares.
  const isS3 = service === 's3'
  const payloadHash = isS3 ? headers['x-amz-content-sha256'] : sha256(body)
  const once = path.split('/').map(encoded)
  const canonicalPath = (isS3 ? once : once.map(encoded)).join('/')
  return [method, canonicalPath, pairs.sort().join('&'), lines.join(''), signedHeaders, payloadHash].join('\n')
}

const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
