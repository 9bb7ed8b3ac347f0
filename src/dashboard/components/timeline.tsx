/** An email's events and escalations as a drawn timeline, with the time between them. */
import { type IconName, IconPath } from './icons.tsx'
import { duration, phrase } from './labels.ts'
import { type Tone, toneOf } from './status.tsx'

/** A row of the picture. */
export interface TimelineLane {
  readonly key: string
  readonly name: string
}

export interface TimelineEntry {
  /** The key of its lane. */
  readonly lane: string
  /** In lower case. */
  readonly label: string
  readonly tone: Tone
  /** Epoch milliseconds. */
  readonly at: number
  /** Whether this is an open or click by a machine. */
  readonly isFaint: boolean
}

interface PlacedEntry extends TimelineEntry {
  readonly x: number
  /** The number of equal entries, one after the other, that are drawn as this one. */
  readonly times: number
  /** When the last of them happened. */
  readonly lastAt: number
}

const laneHeight = 74
const [right, top] = [48, 34]

/** The longest name of a lane that is not cut. */
const longestName = 32

/** The width of the names, at 6.2 pixels a character. */
const leftOf = (lanes: readonly TimelineLane[]): number =>
  Math.max(88, 14 + Math.round(6.2 * Math.max(...lanes.map(({ name }) => Math.min(name.length, longestName)))))

/** Fits beside the navigation on a common screen. */
const fullWidth = 934

/** Logarithmic: a day is wider than a second, but not a million times. */
const gapWidth = (ms: number): number => Math.min(170, 84 + 14 * Math.log10(1 + ms / 1_000))

/** The least distance at which labels do not overlap, in one lane and in two. */
const leastGap = (a: TimelineEntry, b: TimelineEntry): number => (a.lane === b.lane ? 78 : 56)

function placedEntries(entries: readonly TimelineEntry[], left: number): PlacedEntry[] {
  const groups = groupsOf(entries.toSorted((a, b) => a.at - b.at))
  const pairs = groups.slice(1).map((group, index) => [groups[index] ?? group, group] as const)
  const least = pairs.map(([before, after]) => leastGap(before, after))
  const more = pairs.map(([before, after], index) => gapWidth(after.at - before.lastAt) - (least[index] ?? 0))
  const sum = (widths: readonly number[]) => widths.reduce((total, width) => total + width, 0)
  // Room that the least distances leave is shared out by the length of the gaps.
  const share = Math.min(6, Math.max(0, (fullWidth - right - left - 30 - sum(least)) / Math.max(1, sum(more))))
  let x = left + 30
  return groups.map((group, index) => {
    x += (least[index - 1] ?? 0) + (more[index - 1] ?? 0) * share
    return { ...group, x: Math.round(x) }
  })
}

/** Equal entries, one after the other, are drawn as one. */
function groupsOf(entries: readonly TimelineEntry[]): Omit<PlacedEntry, 'x'>[] {
  const groups: Omit<PlacedEntry, 'x'>[] = []
  for (const entry of entries) {
    const last = groups.at(-1)
    if (last && last.lane === entry.lane && last.label === entry.label && last.isFaint === entry.isFaint) {
      groups[groups.length - 1] = { ...last, times: last.times + 1, lastAt: entry.at }
    } else groups.push({ ...entry, times: 1, lastAt: entry.at })
  }
  return groups
}

interface TimelineProps {
  /** From top to bottom. */
  readonly lanes: readonly TimelineLane[]
  readonly entries: readonly TimelineEntry[]
  readonly label: string
}

/** Lanes without entries are left out. Scrolls sideways where it is wider than the page. The event table has the same as text. */
export function Timeline({ lanes: allLanes, entries, label }: TimelineProps) {
  const used = allLanes.filter(({ key }) => entries.some(({ lane }) => lane === key))
  const lanes = used.map(({ key }) => key)
  const left = leftOf(used)
  const placed = placedEntries(
    entries.filter(({ lane }) => lanes.includes(lane)),
    left,
  )
  if (placed.length === 0) return null
  const width = Math.max(fullWidth, (placed.at(-1)?.x ?? 0) + right)
  const height = top + lanes.length * laneHeight
  const yOf = (lane: TimelineEntry['lane']) => top + lanes.indexOf(lane) * laneHeight + 22
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="timeline" tabIndex={0} aria-label={label}>
      <svg viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="img" aria-label={label}>
        {used.map(({ key, name }) => (
          <Lane key={key} name={name} y={yOf(key)} left={left} width={width} />
        ))}
        <Gaps entries={placed} bottom={yOf(lanes.at(-1) ?? '')} />
        {lanes.map((lane) => (
          <Segments
            key={lane}
            entries={placed.filter((entry) => entry.lane === lane && entry.label !== 'registered')}
            y={yOf(lane)}
          />
        ))}
        {placed.map((entry) => (
          <EntryMark key={`${entry.lane} ${entry.x}`} entry={entry} y={yOf(entry.lane)} />
        ))}
      </svg>
    </section>
  )
}

const Lane = ({ name, y, left, width }: { name: string; y: number; left: number; width: number }) => (
  <g>
    <text x="4" y={y + 4} class="lane-name">
      <title>{name}</title>
      {name.length > longestName ? `${name.slice(0, longestName - 1)}…` : name}
    </text>
    <line x1={left} x2={width - 12} y1={y} y2={y} class="lane-line" />
  </g>
)

/** The time from one entry to the next, above the lanes. */
const Gaps = ({ entries, bottom }: { entries: readonly PlacedEntry[]; bottom: number }) => (
  <g>
    {entries.map((entry, index) => {
      const before = entries[index - 1]
      return (
        <g key={entry.x}>
          <line x1={entry.x} x2={entry.x} y1="20" y2={bottom} class="entry-line" />
          {before && (
            <text x={(before.x + entry.x) / 2} y="14" class="gap">
              {entry.at === before.lastAt ? 'same time' : `+${duration(entry.at - before.lastAt)}`}
            </text>
          )}
        </g>
      )
    })}
  </g>
)

const Segments = ({ entries, y }: { entries: readonly PlacedEntry[]; y: number }) => (
  <g>
    {entries.slice(1).map((entry, index) => (
      <line key={entry.x} x1={entries[index]?.x} x2={entry.x} y1={y} y2={y} class={`segment ${entry.tone}`} />
    ))}
  </g>
)

const iconOf = (label: string): IconName => iconNames[label] ?? 'question'

const iconNames: Readonly<Record<string, IconName>> = {
  registered: 'email',
  queued: 'clock',
  sending: 'arrow',
  sent: 'arrow',
  delivered: 'check',
  deferred: 'pause',
  bounced: 'cross',
  failed: 'failed',
  unsubscribed: 'suppression',
  resubscribed: 'email',
  opened: 'eye',
  clicked: 'pointer',
  complained: 'flag',
  escalated: 'escalation',
  acknowledged: 'eye',
  resolved: 'check',
}

function EntryMark({ entry, y }: { entry: PlacedEntry; y: number }) {
  const iso = new Date(entry.at).toISOString()
  const label = `${phrase(entry.label)}${entry.times > 1 ? ` ×${entry.times}` : ''}`
  return (
    <g class={`entry ${entry.tone}${entry.isFaint ? ' faint' : ''}`}>
      <title>{`${label}${entry.isFaint ? ' by a machine' : ''}, ${iso.replace('T', ' ').replace('Z', ' UTC')}`}</title>
      <circle cx={entry.x} cy={y} r="11" />
      <g class="icon" transform={`translate(${entry.x - 6} ${y - 6}) scale(0.75)`}>
        <IconPath name={iconOf(entry.label)} />
      </g>
      <text x={entry.x} y={y + 27} class="entry-label">
        {label}
      </text>
      <text x={entry.x} y={y + 41} class="entry-time">
        {iso.slice(11, 19)}
      </text>
    </g>
  )
}

export const toneOfEntry = (label: string): Tone => (label === 'escalated' ? 'danger' : toneOf(label))
