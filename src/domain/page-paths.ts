/** Paths of the dashboard's pages that messages link to. */

export const emailPath = (provider: string, id: string): string =>
  `/emails/${encodeURIComponent(provider)}/${encodeURIComponent(id)}`
