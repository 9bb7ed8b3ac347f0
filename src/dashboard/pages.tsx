/** Pages as answers: rendered on the server, and readable when something fails. */
import { Readable } from 'node:stream'
import type { Context, Middleware } from 'koa'
import type { Logger } from 'pino'
import type { ComponentChildren, VNode } from 'preact'
import { renderToString } from 'preact-render-to-string'
import { inTime } from '../api/deadlines.ts'
import { reportedProblem } from '../api/problem.ts'
import { requestIdOf } from '../api/request-log.ts'
import type { Database } from '../db/database.ts'
import { readInboxFigures } from '../db/events.ts'
import type { Assets } from './assets.ts'
import { sessionOf } from './guards.ts'
import { Brand, Document, Frame, type SectionPath } from './layout.tsx'

export interface Page {
  readonly title: string
  readonly section: SectionPath
  /** Where the page is told of changes. */
  readonly live?: string
  readonly charts?: boolean
  readonly status?: number
  readonly body: ComponentChildren
}

export interface Pages {
  /** Answers with a page behind the sign-in. */
  show(ctx: Context, page: Page): Promise<void>
  /**
   * The same, in pieces: the page down to where its body has {@link Pieces}, each piece as soon as it is there, and the
   * rest. A browser shows what it has, with and without scripts.
   */
  showInPieces(ctx: Context, page: Page, pieces: AsyncIterable<VNode>): Promise<void>
  /** Answers with a page of its own, without navigation. */
  showAlone(ctx: Context, title: string, body: ComponentChildren): void
  /** Turns whatever is thrown further in into a page, and logs it as the API does. */
  readonly showProblems: Middleware
}

/** What was done, by the word that the address carries after a form. */
const notices: Readonly<Record<string, string>> = {
  acknowledged: 'Acknowledged: it is in your hands, and nobody is told again.',
  snoozed: 'Snoozed: support is told again when the time is over.',
  resolved: 'Resolved.',
  replayed: 'Replayed: they are tried again within seconds.',
  'nothing-replayed': 'Nothing to replay: what was applied never counts twice.',
  suppressed: 'Added: this address is on the suppression list.',
  unsuppressed: 'Removed from the list: this address can be written to again. Its history stays.',
}

const noticeIn = (ctx: Context): string | null => notices[String(ctx.query['done'] ?? '')] ?? null

/** Where a form leads back to, with word of what was done. @param path of ours, see {@link localPath}. */
export function backWith(path: string, done: keyof typeof notices): string {
  const url = new URL(path, 'http://local')
  url.searchParams.set('done', String(done))
  return url.pathname + url.search
}

/** A path on this server; `/` for everything that would lead elsewhere. */
export function localPath(text: string | undefined): string {
  const base = 'http://local'
  if (!text?.startsWith('/') || !URL.canParse(text, base)) return '/'
  const url = new URL(text, base)
  return url.origin === base ? url.pathname + url.search : '/'
}

export const seeOther = (ctx: Context, path: string): void => {
  ctx.redirect(path)
  ctx.status = 303
}

export function createPages({ db, log, assets }: { db: Database; log: Logger; assets: Assets }): Pages {
  const send = (ctx: Context, document: Parameters<typeof Document>[0]) => {
    ctx.type = 'html'
    ctx.body = `<!doctype html>${renderToString(<Document {...document} />)}`
  }

  const showAlone: Pages['showAlone'] = (ctx, title, body) =>
    send(ctx, { title, assets, children: <main class="alone">{body}</main> })

  const show: Pages['show'] = async (ctx, { title, section, live = null, charts = false, status = 200, body }) => {
    const figures = await inTime(() => readInboxFigures(db))
    const frame = {
      section,
      session: sessionOf(ctx),
      badges: { openEscalations: figures.escalationsOpen },
      live,
      url: ctx.url,
      notice: noticeIn(ctx),
    }
    ctx.status = status
    send(ctx, { title, assets, charts, children: <Frame {...frame}>{body}</Frame> })
  }

  return {
    show,

    async showInPieces(ctx, page, pieces) {
      await show(ctx, page)
      const [head = '', tail = ''] = String(ctx.body).split(renderToString(<Pieces />))
      ctx.body = Readable.from(inPieces(head, pieces, tail))
      ctx.type = 'html'
    },

    showAlone,

    async showProblems(ctx, next) {
      try {
        await next()
      } catch (error) {
        const problem = reportedProblem(log, ctx, error)
        ctx.status = problem.status
        ctx.set({ ...problem.extras.headers })
        showAlone(
          ctx,
          String(problem.status),
          <ProblemText problem={problem} requestId={requestIdOf(ctx)} back={localPath(refererPath(ctx))} />,
        )
      }
    },
  }
}

/** Where a page's pieces go. */
export const Pieces = () => <hr class="pieces" />

async function* inPieces(head: string, pieces: AsyncIterable<VNode>, tail: string): AsyncGenerator<string> {
  yield head
  for await (const piece of pieces) yield renderToString(piece)
  yield tail
}

/** The page that the person came from. */
const refererPath = (ctx: Context): string | undefined => {
  const referer = ctx.get('Referer')
  return URL.canParse(referer) ? new URL(referer).pathname : undefined
}

const headings: Readonly<Record<number, string>> = {
  400: 'That cannot be done as it was asked',
  403: 'Not from here',
  404: 'Nothing is here',
  409: 'Too late for that',
  413: 'Too large',
  429: 'Too many attempts',
  503: 'Not available just now',
}

interface ProblemTextProps {
  readonly problem: ReturnType<typeof reportedProblem>
  readonly requestId: string
  readonly back: string
}

const ProblemText = ({ problem: { status, message, extras }, requestId, back }: ProblemTextProps) => (
  <div class="card alone-card">
    <Brand />
    <h1>{headings[status] ?? 'Something went wrong'}</h1>
    <p>{message.charAt(0).toUpperCase() + message.slice(1)}.</p>
    {extras.errors && (
      <ul>
        {extras.errors.map((mistake) => (
          <li key={mistake.path}>
            <strong>{mistake.path}</strong> {mistake.message}
          </li>
        ))}
      </ul>
    )}
    <p>
      <a class="button primary" href={back}>
        Back to the dashboard
      </a>
    </p>
    <p class="muted small">
      {status} · request <code>{requestId}</code>
    </p>
  </div>
)
