/** The text printed after the start: URLs, commands and new secrets. */

export interface BannerFacts {
  readonly apiUrl: string | null
  readonly workerUrl: string | null
  readonly webUiUrl: string | null
  readonly dataDir: string | null
  /** Set only on the start that generated them. */
  readonly newSecrets: { readonly webhookSecret: string; readonly apiKey: string } | null
  readonly startedInMs: number
}

/** The lines to print. */
export function banner({ apiUrl, workerUrl, webUiUrl, dataDir, newSecrets, startedInMs }: BannerFacts): string {
  const rows: [string, string][] = []
  if (apiUrl) rows.push(['Dashboard', `${apiUrl}/`], ['Webhooks', `${apiUrl}/webhooks/aisend`], ['API', `${apiUrl}/v1`])
  if (workerUrl) rows.push(['Health', `${workerUrl}/readyz`], ['Metrics', `${workerUrl}/metrics`])
  if (webUiUrl) rows.push(['Temporal Web UI', webUiUrl])
  if (dataDir)
    rows.push(['Prisma Studio', 'npx aftersend studio'], ['Try it', 'npx aftersend simulate'], ['Data', dataDir])
  if (newSecrets) {
    rows.push(['Webhook secret', newSecrets.webhookSecret], ['API key', newSecrets.apiKey])
  }
  const width = Math.max(...rows.map(([name]) => name.length), 0)
  return [
    '',
    `Aftersend runs (started in ${(startedInMs / 1000).toFixed(1)} s).`,
    ...(rows.length > 0 ? [''] : []),
    ...rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`),
    ...(newSecrets
      ? [
          '',
          `  The secrets are shown only once; they are stored in ${dataDir}/credentials.json.`,
          '  Keep a copy of that file apart from backups of the data (docs/production.md, Back up and restore).',
        ]
      : []),
    ...(dataDir ? ['', 'Ctrl-C stops everything; the next start continues with the same data.'] : []),
    '',
  ].join('\n')
}
