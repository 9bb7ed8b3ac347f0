/** A mail with more bytes is not read: a report has some thousand, and quotes a mail of up to a few million. */
export const maxMailBytes = 10 * 1_048_576
