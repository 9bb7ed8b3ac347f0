/** An email's life as a picture: what happened, in order, with how long it took in between. */
import { type IconName, IconPath } from './icons.tsx'
import { type Tone, toneOf } from './status.tsx'
import { duration, phrase } from './words.ts'

/** One thing that happened. */
export interface PictureMoment {
  readonly lane: 'delivery' | 'engagement' | 'support'
  /** What the picture calls it, in lower case. */
  readonly word: string
  readonly tone: Tone
  /** Epoch milliseconds. */
  readonly at: number
  /** A machine's open or click. */
  readonly isFaint: boolean
}

interface Stop extends PictureMoment {
  readonly x: number
  /** How many moments like it, one after the other, it stands for. */
  readonly times: number
  /** When the last of them was. */
  readonly lastAt: number
}

const laneNames = { delivery: 'Delivery', engagement: 'Engagement', support: 'Support' } as const
const laneHeight = 74
const [left, right, top] = [88, 48, 34]

/** What fits beside the navigation on an ordinary screen. */
const fullWidth = 934

/** Room for a pause: more for a longer one, but a day is not a million times as wide as a second. */
const gapWidth = (ms: number): number => Math.min(170, 84 + 14 * Math.log10(1 + ms / 1_000))

/** So close may words be that stand in one lane, and in two. */
const leastGap = (a: PictureMoment, b: PictureMoment): number => (a.lane === b.lane ? 78 : 56)

function stopsOf(moments: readonly PictureMoment[]): Stop[] {
  const groups = groupsOf(moments.toSorted((a, b) => a.at - b.at))
  const pairs = groups.slice(1).map((group, index) => [groups[index] ?? group, group] as const)
  const least = pairs.map(([before, after]) => leastGap(before, after))
  const more = pairs.map(([before, after], index) => gapWidth(after.at - before.lastAt) - (least[index] ?? 0))
  const sum = (widths: readonly number[]) => widths.reduce((total, width) => total + width, 0)
  // Words keep their distance; what room is left beside that is shared by how long the pauses were.
  const share = Math.min(6, Math.max(0, (fullWidth - right - left - 30 - sum(least)) / Math.max(1, sum(more))))
  let x = left + 30
  return groups.map((group, index) => {
    x += (least[index - 1] ?? 0) + (more[index - 1] ?? 0) * share
    return { ...group, x: Math.round(x) }
  })
}

/** More of the same, one after the other, is drawn as one. */
function groupsOf(moments: readonly PictureMoment[]): Omit<Stop, 'x'>[] {
  const groups: Omit<Stop, 'x'>[] = []
  for (const moment of moments) {
    const last = groups.at(-1)
    if (last && last.lane === moment.lane && last.word === moment.word && last.isFaint === moment.isFaint) {
      groups[groups.length - 1] = { ...last, times: last.times + 1, lastAt: moment.at }
    } else groups.push({ ...moment, times: 1, lastAt: moment.at })
  }
  return groups
}

/** The picture, scrolled sideways where it is wider than the page. The table of events says the same in words. */
export function EmailPicture({ moments, label }: { moments: readonly PictureMoment[]; label: string }) {
  const stops = stopsOf(moments)
  if (stops.length === 0) return null
  const lanes = (['delivery', 'engagement', 'support'] as const).filter((lane) => stops.some((it) => it.lane === lane))
  const width = Math.max(fullWidth, (stops.at(-1)?.x ?? 0) + right)
  const height = top + lanes.length * laneHeight
  const yOf = (lane: PictureMoment['lane']) => top + lanes.indexOf(lane) * laneHeight + 22
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="picture" tabIndex={0} aria-label={label}>
      <svg viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="img" aria-label={label}>
        {lanes.map((lane) => (
          <Lane key={lane} name={laneNames[lane]} y={yOf(lane)} width={width} />
        ))}
        <Pauses stops={stops} bottom={yOf(lanes.at(-1) ?? 'delivery')} />
        {lanes.map((lane) => (
          <Way
            key={lane}
            stops={stops.filter((stop) => stop.lane === lane && stop.word !== 'registered')}
            y={yOf(lane)}
          />
        ))}
        {stops.map((stop) => (
          <StopMark key={`${stop.lane} ${stop.x}`} stop={stop} y={yOf(stop.lane)} />
        ))}
      </svg>
    </section>
  )
}

const Lane = ({ name, y, width }: { name: string; y: number; width: number }) => (
  <g>
    <text x="4" y={y + 4} class="lane-name">
      {name}
    </text>
    <line x1={left} x2={width - 12} y1={y} y2={y} class="lane-line" />
  </g>
)

/** How long it was from one stop to the next, over the lanes. */
const Pauses = ({ stops, bottom }: { stops: readonly Stop[]; bottom: number }) => (
  <g>
    {stops.map((stop, index) => {
      const before = stops[index - 1]
      return (
        <g key={stop.x}>
          <line x1={stop.x} x2={stop.x} y1="20" y2={bottom} class="stop-line" />
          {before && (
            <text x={(before.x + stop.x) / 2} y="14" class="pause">
              {stop.at === before.lastAt ? 'at once' : `+${duration(stop.at - before.lastAt)}`}
            </text>
          )}
        </g>
      )
    })}
  </g>
)

const Way = ({ stops, y }: { stops: readonly Stop[]; y: number }) => (
  <g>
    {stops.slice(1).map((stop, index) => (
      <line key={stop.x} x1={stops[index]?.x} x2={stop.x} y1={y} y2={y} class={`way ${stop.tone}`} />
    ))}
  </g>
)

const iconOf = (word: string): IconName => iconNames[word] ?? 'question'

const iconNames: Readonly<Record<string, IconName>> = {
  registered: 'email',
  queued: 'clock',
  sending: 'arrow',
  sent: 'arrow',
  delivered: 'check',
  deferred: 'pause',
  bounced: 'cross',
  opened: 'eye',
  clicked: 'pointer',
  complained: 'flag',
  escalated: 'escalation',
  acknowledged: 'eye',
  resolved: 'check',
}

function StopMark({ stop, y }: { stop: Stop; y: number }) {
  const iso = new Date(stop.at).toISOString()
  const word = `${phrase(stop.word)}${stop.times > 1 ? ` ×${stop.times}` : ''}`
  return (
    <g class={`stop ${stop.tone}${stop.isFaint ? ' faint' : ''}`}>
      <title>{`${word}${stop.isFaint ? ' by a machine' : ''}, ${iso.replace('T', ' ').replace('Z', ' UTC')}`}</title>
      <circle cx={stop.x} cy={y} r="11" />
      <g class="icon" transform={`translate(${stop.x - 6} ${y - 6}) scale(0.75)`}>
        <IconPath name={iconOf(stop.word)} />
      </g>
      <text x={stop.x} y={y + 27} class="stop-word">
        {word}
      </text>
      <text x={stop.x} y={y + 41} class="stop-time">
        {iso.slice(11, 19)}
      </text>
    </g>
  )
}

/** The tone in which a stop of this name is drawn. */
export const toneOfMoment = (word: string): Tone => (word === 'escalated' ? 'bad' : toneOf(word))
