/** Stylesheets, scripts, fonts and icons of the pages: our own, and those of npm packages. Nothing is loaded from another host. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type Router from '@koa/router'
import { Problem } from '../http/problem.ts'

const browserFolder = new URL('./browser/', import.meta.url)
const { resolve } = createRequire(import.meta.url)
const inter = (subset: string) => ['@fontsource-variable/inter', `files/inter-${subset}-wght-normal.woff2`] as const

/**
 * By the name in the URL: a package with paths in it, or null for a file in browser/. htmx and its extension are one script: htmx starts
 * one turn of the event loop after it has run, and an extension that loads later would never connect.
 */
const sources = {
  'dashboard.css': null,
  'charts.js': null,
  'live.js': null,
  'icon.svg': null,
  'htmx.js': ['htmx.org', 'dist/htmx.min.js', 'dist/ext/hx-sse.min.js'],
  'uplot.js': ['uplot', 'dist/uPlot.iife.min.js'],
  'uplot.css': ['uplot', 'dist/uPlot.min.css'],
  'inter-latin.woff2': inter('latin'),
  'inter-latin-ext.woff2': inter('latin-ext'),
  'inter-cyrillic.woff2': inter('cyrillic'),
} as const satisfies Record<string, readonly [packageName: string, ...paths: string[]] | null>

type AssetName = keyof typeof sources

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

/** All assets, read once. Their URLs contain a version that changes with any of them. */
export interface Assets {
  urlOf(name: AssetName): string

  addTo(router: Router): void
}

const isAssetName = (name: string): name is AssetName => Object.hasOwn(sources, name)

const oneYear = 'public, max-age=31536000, immutable'

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
        if (!asset) throw new Problem(404, 'this file does not exist')
        // The page is of another release. Its file may differ from ours, so the browser must not cache this one.
        ctx.set('Cache-Control', ctx.params['version'] === version ? oneYear : 'no-cache')
        ctx.set('Content-Type', asset.contentType)
        ctx.body = asset.bytes
      })
    },
  }
}

function pathsOf(name: AssetName): string[] {
  const source = sources[name]
  if (source === null) return [fileURLToPath(new URL(name, browserFolder))]
  const [packageName, ...paths] = source
  return paths.map((path) => join(packageFolder(packageName), path))
}

/** Found by package.json, which all of these packages export. */
const packageFolder = (name: string): string => dirname(resolve(`${name}/package.json`))
