/** What the documentation names must exist: paths in this repository, pages, and headings. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const markdownIn = (folder: string): string[] =>
  existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.md') && !name.includes('node_modules'))
        .map((name) => join(folder, name))
    : []

const pages = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...['docs', 'bench', 'ops', 'charts', '.github'].flatMap(markdownIn),
]
/** The change log names files of releases that are past. */
const pagesOfToday = pages.filter((page) => page !== 'CHANGELOG.md')

const withoutCodeBlocks = (text: string): string => text.replace(/^ *```[\s\S]*?^ *```$/gm, '')
const withoutUrls = (text: string): string => text.replace(/https?:\/\/[^\s)>`]+/g, '')

/** The anchors that GitHub gives a page's headings. */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of withoutCodeBlocks(read(page)).matchAll(/^#{1,6} (.+)$/gm)) {
    const slug = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-')
    let anchor = slug
    for (let nth = 1; anchors.has(anchor); nth++) anchor = `${slug}-${nth}`
    anchors.add(anchor)
  }
  return anchors
}

/** What is wrong with a link from `page` to `target`; null if nothing is. */
function faultOf(page: string, target: string): string | null {
  const [path = '', anchor] = target.split('#')
  const file = path === '' ? page : normalize(join(dirname(page), path))
  if (!existsSync(join(root, file))) return `there is no ${file}`
  if (anchor === undefined || !file.endsWith('.md')) return null
  return anchorsOf(file).has(anchor) ? null : `${file} has no heading #${anchor}`
}

const withPlace = (file: string, fault: string | null): string[] => (fault === null ? [] : [`${file}: ${fault}`])

/** The folder or file that a path names; what follows a placeholder such as `<provider>` or `*` is not looked at. */
const knownPartOf = (path: string): string => path.replace(/\/[^/]*[<*{…].*$/, '/').replace(/[.:/]+$/, '')

const codeIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !name.includes('generated'))
    .map((name) => join(folder, name))

/** Log messages, spans and reasons by which people search, by the page that quotes them. */
const quotedMessages: Readonly<Record<string, readonly string[]>> = {
  'docs/observability.md': [
    'webhook taken',
    'events applied',
    'Temporal refused events',
    'events quarantined',
    'commit events',
    'hand over events',
    'start workflow',
  ],
  'docs/operations.md': [
    'a month of events is not dropped',
    'PostgreSQL rejected the statement with SQLSTATE',
    'older than MAX_EVENT_AGE when it was received',
    'has no valid email address',
  ],
  'docs/production.md': ['already running', 'failed, will retry', 'wake-overdue-lives', 'watch-for-incidents'],
  'docs/upgrading.md': ['workflows run on build', 'promote it', 'wake-overdue-lives', 'keep-event-months'],
  'docs/notifications.md': ['no delivery was reported in time', 'No delivery was reported', 'no API key is set'],
  'docs/command-line.md': ['a system runs in', 'set the same', 'by the application', 'likely by people'],
  'docs/getting-started.md': ['Aftersend runs (started in', 'Try it', 'emails verified'],
}

describe('the documentation', () => {
  it('links to pages and headings that exist', () => {
    const links = pages.flatMap((page) =>
      [...withoutCodeBlocks(read(page)).matchAll(/\]\(([^)\s]+)\)/g)]
        .map(([, target = '']) => target)
        .filter((target) => !/^[a-z]+:/.test(target))
        .map((target) => ({ page, target })),
    )
    assert.ok(links.length > 50, `${links.length} links`)
    assert.deepEqual(
      links.flatMap(({ page, target }) => withPlace(page, faultOf(page, target))),
      [],
    )
  })

  it('is linked from README, or from the page of providers, every page of it', () => {
    const [readme, ofProviders] = [read('README.md'), read('docs/providers.md')]
    const isLinked = (page: string) =>
      page.startsWith('docs/providers/')
        ? ofProviders.includes(`](${page.slice('docs/'.length)})`)
        : readme.includes(`](${page})`)
    assert.deepEqual(
      pages.filter((page) => page.startsWith('docs/') && !isLinked(page)),
      [],
    )
  })

  it('names files and folders that exist', () => {
    const named = pagesOfToday.flatMap((page) =>
      [...withoutUrls(read(page)).matchAll(/(?<![\w./-])(?:src|test|bench|prisma|scripts|ops|docker)\/[\w./<>{}*…-]*/g)]
        .map(([path]) => knownPartOf(path))
        .map((path) => ({ page, path })),
    )
    assert.ok(named.length > 50, `${named.length} paths`)
    assert.deepEqual(
      named.filter(({ path }) => !existsSync(join(root, path))).map(({ page, path }) => `${page}: ${path}`),
      [],
    )
  })

  it('names source files that exist, also without their folder', () => {
    const known = new Set(
      ['src', 'test', 'bench', 'scripts']
        .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }))
        .map((path) => basename(path)),
    )
    const named = pagesOfToday.flatMap((page) =>
      [...read(page).matchAll(/`([\w.-]+\.(?:tsx?|mjs|css))`/g)].map(([, name = '']) => ({ page, name })),
    )
    assert.ok(named.length > 10, `${named.length} names`)
    assert.deepEqual(
      named.filter(({ name }) => !known.has(name)).map(({ page, name }) => `${page}: ${name}`),
      [],
    )
  })

  it('quotes messages that the code contains', () => {
    const code = codeIn('src').map(read).join('\n')
    for (const [page, messages] of Object.entries(quotedMessages)) {
      const text = read(page)
      for (const message of messages) {
        assert.ok(text.includes(message), `${page} does not contain: ${message}`)
        assert.ok(code.includes(message), `${page} quotes what no file in src contains: ${message}`)
      }
    }
  })

  it('has the pages that the code and the settings refer to', () => {
    const referring = [...codeIn('src'), '.env.example', 'docker-compose.yml', 'ops/prometheus/alerts.yml']
    const references = referring.flatMap((file) =>
      [...withoutUrls(read(file)).matchAll(/(?<![\w./-])(?:docs|bench)\/[\w-]+\.md(?:#[\w-]+)?/g)].map(([target]) => ({
        file,
        target,
      })),
    )
    assert.ok(references.length > 10, `${references.length} references`)
    assert.deepEqual(
      references.flatMap(({ file, target }) => withPlace(file, faultOf('README.md', target))),
      [],
    )
  })

  it('is checked with a word list that is sorted and repeats nothing', () => {
    const words = read('cspell-words.txt').trimEnd().split('\n')
    assert.deepEqual(words, [...new Set(words)].toSorted())
  })
})
