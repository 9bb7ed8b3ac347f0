/**
 * Escapes cells that a spreadsheet would run as a formula (CWE-1236): an attacker could make an address that starts with `=`
 * bounce. As OWASP advises ("CSV Injection"), such a cell gets a leading `'`; so does one that starts with `'`, which makes
 * the escaping reversible.
 */
const dangerous = /^['=+\-@\t\r]/
const escaped = /^'['=+\-@\t\r]/

export const escapedCell = (text: string): string => (dangerous.test(text) ? `'${text}` : text)

export const unescapedCell = (text: string): string => (escaped.test(text) ? text.slice(1) : text)
