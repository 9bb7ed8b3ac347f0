/**
 * Cells that a spreadsheet would take for a formula. An address may begin with `=`, and whoever makes such a one bounce
 * would have it in our list: opened in a spreadsheet, it would be carried out (CWE-1236). So `'` stands before it, as
 * OWASP advises under "CSV Injection", and before a cell that begins with `'` itself, so that the way back is certain.
 */
const dangerous = /^['=+\-@\t\r]/
const escaped = /^'['=+\-@\t\r]/

export const escapedCell = (text: string): string => (dangerous.test(text) ? `'${text}` : text)

export const unescapedCell = (text: string): string => (escaped.test(text) ? text.slice(1) : text)
