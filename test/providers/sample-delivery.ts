/** A delivery in the form of each provider, made by what the simulator uses. */
import type { ProviderEntry } from '../../src/providers/provider.ts'
import type { SampleEmail } from '../../src/providers/sample.ts'

/** The email of the samples, under an ID that its provider may give. */
export const sampleEmail = ({ sampleFormat }: ProviderEntry): SampleEmail => ({
  id: sampleFormat.emailIdOf('sample1'),
  to: ['ada@example.com'],
  subject: 'A sample',
  tags: [],
})

/** A delivery as the provider writes it, without an envelope. */
export function sampleDelivery(entry: ProviderEntry): string {
  const email = sampleEmail(entry)
  const delivered = {
    id: 'event1',
    type: 'delivered',
    recipient: 'ada@example.com',
    bounce: null,
    engagement: null,
  } as const
  const events = entry.sampleFormat.adapt({ ...delivered, at: new Date(Date.UTC(2026, 10, 1, 10)) }, email)
  return entry.sampleFormat.bodyOf(events, email)
}
