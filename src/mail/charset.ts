/** Decodes bytes by the charset that a mail names. */

/** Unknown charsets are read as Latin 1, in which any bytes are text. */
export function decoded(content: Buffer, charset: string): string {
  try {
    return new TextDecoder(charset, { fatal: true }).decode(content)
  } catch {
    return content.toString('latin1')
  }
}
