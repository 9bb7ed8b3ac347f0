/** Moments, always in UTC and always saying so: on the page, or in the heading above. */

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

/** `25 Nov 2026 07:12:03`: no reader takes the day for the month. */
const written = (at: Date): string =>
  `${at.getUTCDate()} ${months[at.getUTCMonth()]} ${at.getUTCFullYear()} ${at.toISOString().slice(11, 19)}`

interface MomentProps {
  readonly at: Date | string | number | null
  /** Shows milliseconds: where the order of things within a second matters. */
  readonly exact?: boolean
  /** Names the zone beside the time; a table says it once, in its heading. */
  readonly zone?: boolean
}

/** A moment to the second; an en dash for none. */
export function Moment({ at, exact = false, zone = false }: MomentProps) {
  if (at === null) return <span class="muted">–</span>
  const date = new Date(at)
  const iso = date.toISOString()
  return (
    <time dateTime={iso} title={`${iso.slice(0, 10)} ${iso.slice(11, 23)} UTC`}>
      {written(date)}
      {exact && <span class="fraction">{iso.slice(19, 23)}</span>}
      {zone && ' UTC'}
    </time>
  )
}
