/** Durations in plain words. */

const units = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const

/** A duration in its largest whole unit: `3 days`, `1 hour`, `less than a minute`. */
export function spanInWords(ms: number): string {
  const [unit, size] = units.find(([, each]) => ms >= each) ?? []
  if (unit === undefined || size === undefined) return 'less than a minute'
  const number = Math.floor(ms / size)
  return `${number} ${unit}${number === 1 ? '' : 's'}`
}
