import assert from 'node:assert/strict'
import { addressesMentioned } from '../../src/domain/mentioned-addresses.ts'

describe('the addresses that a text mentions', () => {
  const ada = 'ada@example.com'
  const isMentioned = (text: string, address = ada) => addressesMentioned(text).has(address)

  it('are found in headers, lists, links and sentences, in any case', () => {
    const texts = [
      '{"cc":["Ada <ada@example.com>"]}',
      '{"bcc":"grace@example.com, ADA@Example.COM"}',
      '{"cc":"\\"Lovelace, Ada\\" <ada@example.com>"}',
      '{"link":"https://acme.example/?to=ada%40example.com&x=1"}',
      '{"link":"mailto:ada@example.com?subject=x"}',
      'It was forwarded to ada@example.com.',
      '550 5.1.1 <ada@example.com>: user unknown',
    ]
    for (const text of texts) assert.ok(isMentioned(text), text)
  })

  it('are found behind escapes of JSON, also of JSON in JSON', () => {
    const texts = [
      '{"cc":"ada\\u0040example.com"}',
      '{"cc":"Ada \\u003cada@example.com\\u003e"}',
      '{"cc":"\\u0041da@example.com"}',
      '{"raw":"Cc: Ada\\r\\nada@example.com"}',
      JSON.stringify({ Message: JSON.stringify({ cc: ['Ada <ada@example.com>'] }) }),
      JSON.stringify({ Message: '{"cc":"ada\\u0040example.com","raw":"\\nada@example.com"}' }),
    ]
    for (const text of texts) assert.ok(isMentioned(text), text)
    assert.ok(isMentioned('{"cc":"\\"b,c\\"@example.com"}', '"b,c"@example.com'))
  })

  it('have one form for an international domain', () => {
    for (const text of [
      'zoe@bücher.example',
      'Zoe@BÜCHER.example',
      'zoe@xn--bcher-kva.example',
      'zoe@b\\u00fccher.example',
    ]) {
      assert.ok(isMentioned(text, 'zoe@xn--bcher-kva.example'), text)
    }
  })

  it('are whole addresses, and not parts of longer ones', () => {
    const texts = [
      'xada@example.com',
      'x.ada@example.com',
      'x-ada@example.com',
      'x+ada@example.com',
      'ada@example.com.au',
    ]
    for (const text of [...texts, 'ada@example.community', 'ada@mail.example.com', 'ada@example', 'ada @example.com']) {
      assert.ok(!isMentioned(text), text)
    }
    assert.deepEqual([...addressesMentioned('{"to":"grace@example.com","at":"@ 5"}')], ['grace@example.com'])
  })

  it('are found in a large hostile text in little time', () => {
    for (const part of ['@', 'a@', '=@b.example,', '"@', `${'='.repeat(300)}@b.example,`]) {
      const startedAt = performance.now()
      addressesMentioned(part.repeat(1_048_576 / part.length))
      assert.ok(performance.now() - startedAt < 3_000, `${part}: ${performance.now() - startedAt} ms`)
    }
  })
})
