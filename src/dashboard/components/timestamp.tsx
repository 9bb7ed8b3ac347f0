/** Times in UTC. The zone is named beside the time, or in the heading of its column. */

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

/** `25 Nov 2026 07:12:03`: day and month cannot be confused. */
const formatted = (at: Date): string =>
  `${at.getUTCDate()} ${months[at.getUTCMonth()]} ${at.getUTCFullYear()} ${at.toISOString().slice(11, 19)}`

interface TimestampProps {
  readonly at: Date | string | number | null
  /** Shows milliseconds. */
  readonly exact?: boolean
  /** Shows the zone. */
  readonly zone?: boolean
}

/** An en dash for null. */
export function Timestamp({ at, exact = false, zone = false }: TimestampProps) {
  if (at === null) return <span class="muted">–</span>
  const date = new Date(at)
  const iso = date.toISOString()
  return (
    <time dateTime={iso} title={`${iso.slice(0, 10)} ${iso.slice(11, 23)} UTC`}>
      {formatted(date)}
      {exact && <span class="fraction">{iso.slice(19, 23)}</span>}
      {zone && ' UTC'}
    </time>
  )
}
