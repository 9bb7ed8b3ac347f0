/** Renders pages as responses, and errors as pages. */
import { Readable } from 'node:stream'
import type { Context, Middleware } from 'koa'
import type { Logger } from 'pino'
import type { ComponentChildren, VNode } from 'preact'
import { renderToString } from 'preact-render-to-string'
import { problemOf } from '../api/problems.ts'
import type { Database } from '../db/database.ts'
import { countUnresolvedEscalations } from '../db/escalations-read.ts'
import { inTime } from '../db/request-deadline.ts'
import { reportedProblem } from '../http/problem.ts'
import { requestIdOf } from '../http/request-log.ts'
import type { Assets } from './assets.ts'
import { Viewer } from './components/allowed.tsx'
import { Brand, Document, Frame, type SectionPath } from './components/layout.tsx'
import { sessionOf } from './guards.ts'
import { localPath } from './paths.ts'

interface Page {
  readonly title: string
  readonly section: SectionPath
  /** The URL of the event stream that announces changes to the page. */
  readonly live?: string
  readonly charts?: boolean
  /** The URL from which the page loads itself again on a change. Default: that of the request. */
  readonly url?: string
  readonly status?: number
  readonly body: ComponentChildren
}

export interface PageRenderer {
  /** Responds with a page of a signed-in person. */
  show(ctx: Context, page: Page): Promise<void>
  /** The same as a stream: the parts of `content` take the place of {@link StreamedContent} as they are produced. */
  showStreamed(ctx: Context, page: Page, content: AsyncIterable<VNode>): Promise<void>
  /** Responds with a page without navigation. */
  showStandalone(ctx: Context, title: string, body: ComponentChildren): void
  /** Renders a thrown error as a page, and logs it as the API does. */
  readonly showProblems: Middleware
}

/** Confirmations, by the query parameter `done` of the page that a form redirects to. */
const notices: Readonly<Record<string, string>> = {
  comparing: 'The comparison has started. This page shows what it found when it has finished.',
  acknowledged: 'Acknowledged. No further notifications are sent.',
  snoozed: 'Snoozed. Another notification is sent when the time is over.',
  resolved: 'Resolved.',
  replayed: 'Replayed. The events are processed again within seconds.',
  'nothing-replayed': 'Nothing to replay: the events are applied already.',
  'endpoint-tested': 'A test event is on its way. Reload this page to see the answer.',
  'endpoint-paused': 'Paused. What happens meanwhile is kept.',
  'endpoint-resumed': 'Resumed.',
  'endpoint-replayed': 'Sent again within seconds, with the same IDs.',
  'nothing-sent-again': 'There is nothing to send again.',
  'endpoint-deleted': 'The endpoint is deleted.',
  suppressed: 'The address was added to the suppression list.',
  revoked: 'The key is revoked. It opens nothing after five seconds.',
  'session-revoked': 'The session is revoked. It opens nothing after five seconds.',
  'sessions-revoked': 'All other sessions are revoked. They open nothing after five seconds.',
  unsuppressed: 'The address was removed from the suppression list. Emails can be sent to it again.',
}

const noticeIn = (ctx: Context): string | null => notices[String(ctx.query['done'] ?? '')] ?? null

/** The page to redirect to after a form, with a confirmation. @param path see {@link localPath}. */
export function withNotice(path: string, done: keyof typeof notices): string {
  const url = new URL(path, 'http://local')
  url.searchParams.set('done', String(done))
  return url.pathname + url.search
}

export function createPageRenderer({ db, log, assets }: { db: Database; log: Logger; assets: Assets }): PageRenderer {
  const send = (ctx: Context, document: Parameters<typeof Document>[0]) => {
    ctx.type = 'html'
    ctx.body = `<!doctype html>${renderToString(<Document {...document} />)}`
  }

  const showStandalone: PageRenderer['showStandalone'] = (ctx, title, body) =>
    send(ctx, { title, assets, children: <main class="alone">{body}</main> })

  const show: PageRenderer['show'] = async (
    ctx,
    { title, section, live = null, charts = false, url = ctx.url, status = 200, body },
  ) => {
    const openEscalations = await inTime(() => countUnresolvedEscalations(db))
    const session = sessionOf(ctx)
    const frame = {
      section,
      session,
      openEscalations,
      live,
      url,
      notice: noticeIn(ctx),
    }
    ctx.status = status
    const content = (
      <Viewer.Provider value={session}>
        <Frame {...frame}>{body}</Frame>
      </Viewer.Provider>
    )
    send(ctx, { title, assets, charts, children: content })
  }

  return {
    show,

    async showStreamed(ctx, page, content) {
      await show(ctx, page)
      const [head = '', tail = ''] = String(ctx.body).split(renderToString(<StreamedContent />))
      ctx.body = Readable.from(concatenated(head, content, tail))
      ctx.type = 'html'
    },

    showStandalone,

    async showProblems(ctx, next) {
      try {
        await next()
      } catch (error) {
        const problem = reportedProblem(log, ctx, error, problemOf)
        ctx.status = problem.status
        ctx.set({ ...problem.extras.headers })
        showStandalone(
          ctx,
          String(problem.status),
          <ProblemText problem={problem} requestId={requestIdOf(ctx)} back={localPath(refererPath(ctx))} />,
        )
      }
    },
  }
}

/** Marks the place of a page's streamed content. */
export const StreamedContent = () => <hr class="streamed-content" />

async function* concatenated(head: string, content: AsyncIterable<VNode>, tail: string): AsyncGenerator<string> {
  yield head
  for await (const part of content) yield renderToString(part)
  yield tail
}

const refererPath = (ctx: Context): string | undefined => {
  const referer = ctx.get('Referer')
  return URL.canParse(referer) ? new URL(referer).pathname : undefined
}

const headings: Readonly<Record<number, string>> = {
  400: 'Invalid request',
  403: 'Not allowed',
  404: 'Not found',
  409: 'Conflict',
  413: 'Too large',
  429: 'Too many attempts',
  503: 'Temporarily unavailable',
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
        {extras.errors.map(({ path, message: error }) => (
          <li key={path}>
            <strong>{path}</strong> {error}
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
