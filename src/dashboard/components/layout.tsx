/** The frame around every page. */
import type { ComponentChildren } from 'preact'
import type { Assets } from '../assets.ts'
import type { Session } from '../sessions.ts'
import { Icon, type IconName } from './icons.tsx'
import { cappedCount } from './labels.ts'

const sections = [
  { path: '/', name: 'Overview', icon: 'overview' },
  { path: '/emails', name: 'Emails', icon: 'email' },
  { path: '/recipients', name: 'Recipients', icon: 'person' },
  { path: '/escalations', name: 'Escalations', icon: 'escalation' },
  { path: '/suppressions', name: 'Suppressions', icon: 'suppression' },
  { path: '/events', name: 'Events', icon: 'event' },
  { path: '/domains', name: 'Domains', icon: 'domain' },
  { path: '/setup', name: 'Setup', icon: 'setup' },
] as const satisfies readonly { path: string; name: string; icon: IconName }[]

export type SectionPath = (typeof sections)[number]['path']

export interface DocumentProps {
  readonly title: string
  readonly assets: Assets
  /** Whether to load the script and stylesheet of the charts. */
  readonly charts?: boolean
  readonly children: ComponentChildren
}

/**
 * Turns off what the Content-Security-Policy forbids, and htmx's own history. Error responses do not change the page. Opened
 * details stay open when the page is refreshed.
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
      {/* Before htmx, which connects when it loads: live.js must receive the first event of the connection. */}
      <script src={assets.urlOf('live.js')} defer />
      <script src={assets.urlOf('htmx.js')} defer />
      {charts && <script src={assets.urlOf('uplot.js')} defer />}
      {charts && <script src={assets.urlOf('charts.js')} defer />}
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
  readonly section: SectionPath
  readonly session: Session
  readonly openEscalations: number
  /** The URL of the event stream that announces changes; null for a static page. */
  readonly live: string | null
  /** The URL of this page. */
  readonly url: string
  /** The confirmation of the last form. */
  readonly notice: string | null
  readonly children: ComponentChildren
}

/** A stream of all emails' changes may have hundreds in a second, and lists need not follow each. */
const refreshThrottle = (live: string): string => (live === '/live' ? '2s' : '1s')

/** Navigation and page. On a change, htmx loads the page again and merges it: it then shows what a reload would show. */
export function Frame({ section, session, openEscalations, live, url, notice, children }: FrameProps) {
  const refresh = live
    ? {
        'hx-get': url,
        'hx-select': '#page',
        'hx-trigger': `changed from:#live throttle:${refreshThrottle(live)}`,
        'hx-swap': 'outerMorph',
      }
    : {}
  return (
    <>
      <a class="skip-link" href="#main">
        Skip to content
      </a>
      {live && <div id="live" class="live" hx-sse:connect={live} hidden />}
      <div id="page" class="frame" {...refresh}>
        <header class="rail">
          <a class="brand-link" href="/">
            <Brand />
          </a>
          <search class="rail-search">
            <form method="post" action="/search">
              <label>
                <span class="hidden-text">Find a person or an email</span>
                <input type="search" name="q" placeholder="Address or ID" maxLength={1_000} dir="auto" />
              </label>
              <button type="submit">Find</button>
            </form>
          </search>
          <nav aria-label="Main">
            <ul>
              {sections.map(({ path, name, icon }) => (
                <li key={path}>
                  <a href={path} aria-current={section === path ? 'page' : undefined}>
                    <Icon name={icon} />
                    <span>{name}</span>
                    {path === '/escalations' && <Badge of={openEscalations} />}
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
      {cappedCount(number)}
      <span class="hidden-text"> unresolved</span>
    </span>
  ) : null

interface PageHeadProps {
  readonly title: ComponentChildren
  /** The list that this page belongs to. */
  readonly parent?: SectionPath
  readonly children?: ComponentChildren
}

/** A page's heading with its actions. */
export const PageHead = ({ title, parent, children }: PageHeadProps) => (
  <>
    {parent && (
      <p class="crumb">
        <a href={parent}>{sections.find(({ path }) => path === parent)?.name}</a>
      </p>
    )}
    <div class="page-head">
      <h1>{title}</h1>
      {children && <div class="actions">{children}</div>}
    </div>
  </>
)

/** Shown in place of an empty list: why it is empty, and what to do next. */
export const EmptyState = ({ title, children }: { title: string; children: ComponentChildren }) => (
  <div class="empty">
    <p class="empty-title">{title}</p>
    <p>{children}</p>
  </div>
)
