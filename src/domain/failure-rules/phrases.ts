/**
 * A pattern that matches any of the phrases, one a line. A phrase is a regular expression over lower-case text, so that
 * `(was|is) rejected` and `mail-?box` work; groups capture nothing that is read.
 */
export function phrases(template: TemplateStringsArray, ...parts: readonly string[]): RegExp {
  const lines = String.raw(template, ...parts).split('\n')
  return new RegExp(
    lines
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .join('|'),
  )
}
