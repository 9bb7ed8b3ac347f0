/** `/openapi.json`, and a page for people at `/docs`. Public: they describe the API and hold no data. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { openApiDocument } from './openapi.ts'
import { Problem } from './problem.ts'
import { defineRoute, type Route, type RouteDescription, type SentWebhook } from './route.ts'

/** Loads everything from this server, so that it works offline and contacts no other host. */
const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Aftersend API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<div id="reference"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</html>
`

/** Without the badge of an online validator, which would send each document to another host. */
const start = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#reference',
  deepLinking: true,
  validatorUrl: null,
  displayRequestDuration: true,
})
`

const contentPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const libraryFolder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
const library = (file: string) => readFile(join(libraryFolder, file), 'utf8')

const files: Readonly<Record<string, { type: string; read: () => Promise<string> }>> = {
  'swagger-ui.css': { type: 'text/css', read: () => library('swagger-ui.css') },
  'swagger-ui-bundle.js': { type: 'text/javascript', read: () => library('swagger-ui-bundle.js') },
  'start.js': { type: 'text/javascript', read: async () => start },
}

/**
 * @param described all other routes.
 * @param sent the requests that the system sends itself.
 */
export function referenceRoutes(described: readonly RouteDescription[], sent: readonly SentWebhook[] = []): Route[] {
  let text: string | undefined
  const routes: Route[] = [
    defineRoute(
      {
        ...{ method: 'get', path: '/openapi.json', tag: 'Reference', access: 'anyone' },
        summary: 'This document',
        answers: { 200: { description: 'OpenAPI 3.1', schema: z.record(z.string(), z.unknown()) } },
      },
      (ctx) => {
        text ??= JSON.stringify(openApiDocument([...described, ...routes], sent))
        ctx.type = 'application/json'
        ctx.body = text
      },
    ),
    defineRoute(
      {
        ...{ method: 'get', path: '/docs', tag: 'Reference', access: 'anyone' },
        summary: 'This document as a web page',
        answers: { 200: { description: 'A page', mediaType: 'text/html', schema: z.string() } },
      },
      (ctx) => {
        ctx.set('Content-Security-Policy', contentPolicy)
        ctx.type = 'text/html; charset=utf-8'
        ctx.body = page
      },
    ),
    defineRoute(
      {
        ...{ method: 'get', path: '/docs/:file', tag: 'Reference', access: 'anyone' },
        summary: 'A file of the page',
        params: z.object({ file: z.string() }),
        answers: { 200: { description: 'A file', mediaType: 'text/*', schema: z.string() } },
        problems: { 404: 'No such file' },
      },
      async (ctx, { params }) => {
        const file = Object.hasOwn(files, params.file) ? files[params.file] : undefined
        if (!file) throw new Problem(404, 'no such file: open /docs')
        ctx.set({ 'Cache-Control': 'max-age=3600', 'X-Content-Type-Options': 'nosniff' })
        ctx.type = `${file.type}; charset=utf-8`
        ctx.body = await file.read()
      },
    ),
  ]
  return routes
}
