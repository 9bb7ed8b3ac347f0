/** The frame around every page. */
import type { ComponentChildren } from 'preact'
import type { Assets } from './assets.ts'
import { Icon, type IconName } from './icons.tsx'
import type { Session } from './sessions.ts'
import { count } from './words.ts'

export const sections = [
  { path: '/', name: 'Overview', icon: 'overview' },
  { path: '/emails', name: 'Emails', icon: 'email' },
  { path: '/escalations', name: 'Escalations', icon: 'escalation' },
  { path: '/suppressions', name: 'Suppressions', icon: 'suppression' },
  { path: '/events', name: 'Events', icon: 'event' },
  { path: '/setup', name: 'Setup', icon: 'setup' },
] as const satisfies readonly { path: string; name: string; icon: IconName }[]

export type SectionPath = (typeof sections)[number]['path']

/** What the navigation counts. */
export interface Badges {
  readonly openEscalations: number
}

export interface DocumentProps {
  readonly title: string
  readonly assets: Assets
  /** Charts need a script and a stylesheet more. */
  readonly charts?: boolean
  readonly children: ComponentChildren
}

/**
 * htmx without eval, inline styles or a history of its own. An answer that is an error leaves the page as it is. What a
 * person has opened stays open when the page is renewed.
 */
const htmxConfig = JSON.stringify({
  includeIndicatorCSS: false,
  history: false,
  extensions: 'sse',
  noSwap: [204, 304, '4xx', '5xx'],
  morphIgnore: ['data-htmx-powered', 'open'],
})

export const Document = ({ title, assets, charts = false, children }: DocumentProps) => (
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <meta name="htmx-config" content={htmxConfig} />
      <title>{`${title} · Aftersend`}</title>
      {charts && <link rel="stylesheet" href={assets.urlOf('uplot.css')} />}
      <link rel="stylesheet" href={assets.urlOf('dashboard.css')} />
      <link rel="icon" href={assets.urlOf('icon.svg')} type="image/svg+xml" />
      {/* Before htmx, which connects as soon as it is there: the connection's first word must find who listens. */}
      <script src={assets.urlOf('live.js')} defer />
      <script src={assets.urlOf('htmx.js')} defer />
      {charts && <script src={assets.urlOf('uplot.js')} defer />}
      {charts && <script src={assets.urlOf('dashboard.js')} defer />}
    </head>
    <body>{children}</body>
  </html>
)

export const Brand = () => (
  <span class="brand">
    <svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" />
      <path d="M7 11.5h18v11H7zM7.4 12l8.6 6.5 8.6-6.5" />
      <circle cx="25" cy="9" r="4.5" />
    </svg>
    Aftersend
  </span>
)

export interface FrameProps {
  readonly section: SectionPath | null
  readonly session: Session
  readonly badges: Badges | null
  /** Where this page is told of changes; null where nothing on it changes by itself. */
  readonly live: string | null
  /** This page's own address, by which it is renewed. */
  readonly url: string
  /** What has just been done, in a sentence. */
  readonly notice: string | null
  readonly children: ComponentChildren
}

/** Where every email's changes are told, they may come by the hundred: a list or a sum need not follow each. */
const renewalPace = (live: string): string => (live === '/live' ? '2s' : '1s')

/**
 * Navigation and page. When the server says that something changed, the page asks for itself once more and takes over
 * what is new: what is shown live and what a reload shows are then the same by construction.
 */
export function Frame({ section, session, badges, live, url, notice, children }: FrameProps) {
  const renewal = live
    ? {
        'hx-get': url,
        'hx-select': '#page',
        'hx-trigger': `changed from:#live throttle:${renewalPace(live)}`,
        'hx-swap': 'outerMorph',
      }
    : {}
  return (
    <>
      <a class="skip-link" href="#main">
        Skip to the page
      </a>
      {live && <div id="live" class="live" hx-sse:connect={live} hidden />}
      <div id="page" class="frame" {...renewal}>
        <header class="rail">
          <a class="brand-link" href="/">
            <Brand />
          </a>
          <nav aria-label="Main">
            <ul>
              {sections.map(({ path, name, icon }) => (
                <li key={path}>
                  <a href={path} aria-current={section === path ? 'page' : undefined}>
                    <Icon name={icon} />
                    <span>{name}</span>
                    {path === '/escalations' && <Badge of={badges?.openEscalations ?? 0} />}
                  </a>
                </li>
              ))}
            </ul>
          </nav>
          <form class="viewer" method="post" action="/sign-out">
            <span class="viewer-name">
              Signed in as <strong dir="auto">{session.name}</strong>
            </span>
            <button type="submit" class="plain">
              Sign out
            </button>
          </form>
        </header>
        <main id="main" tabIndex={-1}>
          {notice && (
            <p class="notice" role="status">
              <Icon name="check" /> {notice}
            </p>
          )}
          {children}
        </main>
      </div>
    </>
  )
}

const Badge = ({ of: number }: { of: number }) =>
  number > 0 ? (
    <span class="badge">
      {count(number)}
      <span class="hidden-text"> unresolved</span>
    </span>
  ) : null

/** A page's heading with what can be done about all of it. */
export const PageHead = ({ title, children }: { title: ComponentChildren; children?: ComponentChildren }) => (
  <div class="page-head">
    <h1>{title}</h1>
    {children && <div class="actions">{children}</div>}
  </div>
)

/** Nothing to show: why, and what to do next. */
export const Empty = ({ title, children }: { title: string; children: ComponentChildren }) => (
  <div class="empty">
    <p class="empty-title">{title}</p>
    <p>{children}</p>
  </div>
)
