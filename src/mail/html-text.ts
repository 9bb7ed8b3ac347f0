/** The text of an HTML body, as far as reports need it: their texts are simple. */

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' }

/** The text without marks, with a line for each block. Each step takes linear time. */
export const textOfHtml = (html: string): string =>
  html
    .slice(0, 262_144)
    .split(/<(?:style|script|head)\b/i)
    .map((piece, index) => (index === 0 ? piece : (piece.split(/<\/(?:style|script|head)\s*>/i)[1] ?? '')))
    .join('')
    .replace(/<(?:br|\/?(?:p|div|tr|table|h[1-6]|li|ul|hr|pre))\b[^<>]*>/gi, '\n')
    .replace(/<(?=[a-z/!])(?![^<>]*@)[^<>]*>/gi, '')
    .replace(/&(?:#(\d{1,7})|([a-z]{2,6}));/gi, (whole, code, name) =>
      code === undefined ? (entities[name.toLowerCase()] ?? whole) : characterOf(Number(code)),
    )

const characterOf = (code: number): string => (code > 0 && code < 0x110000 ? String.fromCodePoint(code) : ' ')
