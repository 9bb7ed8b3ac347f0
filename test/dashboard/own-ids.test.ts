import assert from 'node:assert/strict'
import { useDatabase } from '../stack.ts'
import { useDashboard } from './visitor.ts'

describe('own IDs on the dashboard', () => {
  const { db } = useDatabase('emails, email_recipients, events, escalations')
  const { visitor } = useDashboard(() => ({ db }))

  const email = (id: string, parts: object) =>
    db.email.create({
      data: {
        id,
        provider: 'aisend',
        to: ['ada@example.com'],
        recipients: ['ada@example.com'],
        subject: `About ${id}`,
        ...parts,
      },
    })
  beforeEach(async () => {
    await email('em_1', { externalId: 'order-1', metadata: { order: '4711', plan: 'free', by: 'grace@example.com' } })
    await email('em_2', { externalId: 'order-2', metadata: { order: '4711', note: 'a = b' } })
    await email('order-2', { subject: 'order 1 again' })
  })

  const found = async (q: string): Promise<string[]> => {
    const response = await visitor.post('/search', { q, in: '/emails' })
    const html = await visitor.html(response.headers.get('location') ?? '')
    return [...html.matchAll(/class="row-link clip" href="\/emails\/aisend\/([^"]+)"/g)]
      .map(([, id]) => id ?? '')
      .sort()
  }

  it('are found by the search: an external ID beside IDs and subjects, and a pair of metadata', async () => {
    assert.deepEqual(await found('order-1'), ['em_1', 'order-2'])
    assert.deepEqual(await found('order-2'), ['em_2', 'order-2'])
    assert.deepEqual(await found('order=4711'), ['em_1', 'em_2'])
    assert.deepEqual(await found('note=a = b'), ['em_2'])
    assert.deepEqual(await found('order=47'), [])
  })

  it('are on the page of the email, and a pair leads to the others that have it, unless it names an address', async () => {
    const html = await visitor.html('/emails/aisend/em_1')
    assert.match(html, /External ID[\s\S]*<code>order-1<\/code>/)
    assert.match(html, /href="\/emails\?q=order%3D4711"/)
    assert.match(html, /by=grace@example\.com/)
    assert.doesNotMatch(html, /href="[^"]*grace/)
  })
})
