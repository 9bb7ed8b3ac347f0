/** Generators of invalid requests: everything that a client can get wrong, on purpose or not. */
import fc from 'fast-check'

/** Any text, with a bias to what breaks parsers, databases and headers. */
export const awkwardText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.constantFrom(
    ...['', ' ', '\u0000', '\ud800', '\ufeff', '%', '%00', '../..', "'; DROP TABLE events; --", '{}', 'null'],
    ...['__proto__', 'constructor', 'toString', 'ada@example.com', 'ADA@EXAMPLE.COM ', 'a@b', '@', '<a@b.c>'],
    ...['em_1', 'x'.repeat(300), 'é'.repeat(200), '1e999', '-0', 'NaN', '2026-11-01T10:00:00Z', '9999-12-31T23:59:59Z'],
    ...['0000-01-01T00:00:00Z', '+275760-09-13T00:00:00Z', '1970-01-01T00:00:00Z', '2026-02-30T00:00:00Z', '1h', '30d'],
    ...['aisend', 'resend', 'sent', 'queued', 'critical', 'bulk', 'opened', 'open', 'stalled', 'hour', 'day', 'true'],
  ),
)

const awkwardNumber = fc.oneof(
  fc.constantFrom(0, -0, -1, 1, 1e21, 1e308, 2 ** 31, 2 ** 53, -(2 ** 63), 0.1, 1_521_472_262.9, 253_402_300_800_000),
  fc.double({ noNaN: true }),
  fc.integer(),
)

/** Any value that JSON can hold. */
export const awkwardValue = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    awkwardText,
    awkwardNumber,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(awkwardText, tie('value'), { maxKeys: 4 }),
  ),
})).value

/** A JSON object with mostly known keys. */
export const objectOf = (keys: readonly string[]) =>
  fc.dictionary(
    fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...keys) }, { weight: 1, arbitrary: awkwardText }),
    awkwardValue,
    {
      maxKeys: 8,
    },
  )

/** Bytes of a body: random, truncated, or unusual JSON. */
export const junkBytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  awkwardText.map((text) => Buffer.from(text)),
  awkwardValue.map((value) => Buffer.from(JSON.stringify(value))),
  fc.constantFrom(
    Buffer.from('\ufeff{}'),
    Buffer.from(`${'['.repeat(20_000)}${']'.repeat(20_000)}`),
    Buffer.from(`${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`),
    Buffer.from(`{"id":"${'x'.repeat(100_000)}"}`),
    Buffer.from(`{"n":${'9'.repeat(10_000)}}`),
    Buffer.from('{"__proto__":{"a":1},"constructor":{"prototype":{"a":1}}}'),
    Buffer.from('{"id":"a","id":"b"}'),
    Buffer.from([0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]),
    Buffer.from([0xc3, 0x28]),
  ),
)

/** A header's value: any text that HTTP allows. */
export const headerText = fc.string({
  unit: fc
    .integer({ min: 0x20, max: 0xff })
    .filter((code) => code !== 0x7f)
    .map((code) => String.fromCharCode(code)),
  maxLength: 80,
})
