/** What pages are dressed with: our stylesheet and script, and libraries as their packages ship them. No other host is asked. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type Router from '@koa/router'
import { Problem } from '../api/problem.ts'

const ownFolder = new URL('./client/', import.meta.url)
const { resolve } = createRequire(import.meta.url)
const inter = (subset: string) => ['@fontsource-variable/inter', `files/inter-${subset}-wght-normal.woff2`] as const

/**
 * By the name that pages call them: package and paths in it, or a file of ours. htmx begins a turn of the event loop after it has run, with
 * the extensions that are there by then: one that came as a script of its own could be late, and the page would never be live.
 */
const sources = {
  'dashboard.css': null,
  'dashboard.js': null,
  'live.js': null,
  'icon.svg': null,
  'htmx.js': ['htmx.org', 'dist/htmx.min.js', 'dist/ext/hx-sse.min.js'],
  'uplot.js': ['uplot', 'dist/uPlot.iife.min.js'],
  'uplot.css': ['uplot', 'dist/uPlot.min.css'],
  'inter-latin.woff2': inter('latin'),
  'inter-latin-ext.woff2': inter('latin-ext'),
  'inter-cyrillic.woff2': inter('cyrillic'),
} as const satisfies Record<string, readonly [packageName: string, ...paths: string[]] | null>

export type AssetName = keyof typeof sources

const contentTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}

interface Asset {
  readonly bytes: Buffer
  readonly contentType: string
}

/** Every asset, read once, under one version that changes with any of them. */
export interface Assets {
  urlOf(name: AssetName): string
  /** Adds the route that serves them. */
  addTo(router: Router): void
}

const isAssetName = (name: string): name is AssetName => Object.hasOwn(sources, name)

const aYear = 'public, max-age=31536000, immutable'

export function readAssets(): Assets {
  const assets = new Map<string, Asset>()
  const digest = createHash('sha256')
  for (const name of Object.keys(sources).filter(isAssetName)) {
    const bytes = Buffer.concat(
      pathsOf(name).flatMap((path, part) => [Buffer.from(part > 0 ? '\n' : ''), readFileSync(path)]),
    )
    digest.update(name).update(bytes)
    assets.set(name, { bytes, contentType: contentTypes[extname(name)] ?? 'application/octet-stream' })
  }
  const version = digest.digest('hex').slice(0, 16)
  return {
    urlOf: (name) => `/assets/${version}/${name}`,
    addTo(router) {
      router.get('/assets/:version/:name', (ctx) => {
        const asset = assets.get(ctx.params['name'] ?? '')
        if (!asset) throw new Problem(404, 'there is no such file')
        // A page of another instance, older or newer, asks by its own version: what we have is not that, so not for long.
        ctx.set('Cache-Control', ctx.params['version'] === version ? aYear : 'no-cache')
        ctx.set('Content-Type', asset.contentType)
        ctx.body = asset.bytes
      })
    },
  }
}

function pathsOf(name: AssetName): string[] {
  const source = sources[name]
  if (source === null) return [fileURLToPath(new URL(name, ownFolder))]
  const [packageName, ...paths] = source
  return paths.map((path) => join(packageFolder(packageName), path))
}

/** A package's folder by its package.json, which every one of them lets be resolved. */
const packageFolder = (name: string): string => dirname(resolve(`${name}/package.json`))
