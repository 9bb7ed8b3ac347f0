/** Of the path of SparkPost's next page only the cursor is used: the key is sent to no other host. Null after the last page. */
export const cursorIn = (path: string | null | undefined): string | null =>
  path?.includes('?') ? new URLSearchParams(path.slice(path.indexOf('?'))).get('cursor') : null
