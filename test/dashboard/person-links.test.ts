import assert from 'node:assert/strict'
import { createPersonLinks } from '../../src/dashboard/person-links.ts'

describe('links to the page of a person', () => {
  const [older, newer] = ['key-of-the-tests-0001', 'key-of-the-tests-0002']
  const address = 'ada.lovelace@example.com'
  const links = createPersonLinks([newer, older])
  const personIn = (path: string) => new URL(path, 'http://local').searchParams.get('person') ?? ''

  it('are opened by every instance that has the key, and show no part of the address', () => {
    const path = links.pathTo(address)
    assert.equal(createPersonLinks([older, newer]).addressIn(personIn(path)), address)
    assert.equal(links.addressIn(personIn(createPersonLinks([older]).pathTo(address))), address)
    const text = path + Buffer.from(personIn(path), 'base64url').toString('latin1')
    assert.doesNotMatch(text, /ada|lovelace|example|@/)
  })

  it('are stable, so that a refreshed page is the same, and differ by person', () => {
    assert.equal(links.pathTo(address), links.pathTo(address))
    assert.notEqual(links.pathTo(address), links.pathTo('grace@example.com'))
  })

  it('are refused with another key, if altered, and if they are none', () => {
    const person = personIn(links.pathTo(address))
    assert.equal(createPersonLinks(['key-of-the-tests-0003']).addressIn(person), null)
    for (const at of [0, 15, person.length - 2]) {
      const other = person[at] === 'A' ? 'B' : 'A'
      assert.equal(links.addressIn(person.slice(0, at) + other + person.slice(at + 1)), null)
    }
    for (const none of ['', 'nobody', person.slice(0, 20), `${person}AAAA`]) assert.equal(links.addressIn(none), null)
  })
})
