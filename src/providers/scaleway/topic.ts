/** The topics of Scaleway's Topics and Events, and the URLs that belong to one. */
import type { SnsMessage } from '../ses/sns.ts'

const arnForm = /^arn:scw:sns:([a-z]{2}-[a-z]{3}):[\w-]{1,100}:[\w-]{1,256}(?:\.fifo)?$/

/** The region of a topic; undefined if the text is not the ARN of one. */
export const regionOf = (topicArn: string): string | undefined => arnForm.exec(topicArn)?.[1]

const certificateForm =
  /^https:\/\/messaging\.s3\.[a-z]{2}-[a-z]{3}\.scw\.cloud\/[\w-]{1,40}\/sns\/[\w.-]{1,150}\.(?:crt|pem)$/

/** A message's certificate, in the bucket that Scaleway's documentation names; null for any other URL. */
export const certificateUrl = ({ SigningCertURL }: SnsMessage): URL | null =>
  certificateForm.test(SigningCertURL) && !SigningCertURL.includes('..') ? new URL(SigningCertURL) : null

/** Where the subscription is confirmed: at the API of the topic's region. */
export function confirmationUrl({ SubscribeURL = '', TopicArn }: SnsMessage): URL | null {
  const region = regionOf(TopicArn)
  if (region === undefined || !URL.canParse(SubscribeURL)) return null
  const url = new URL(SubscribeURL)
  return url.origin === `https://sns.mnq.${region}.scaleway.com` && url.username === '' ? url : null
}
