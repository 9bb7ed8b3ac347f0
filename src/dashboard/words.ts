/** How the pages say figures and the system's own words. */

const wholeNumber = new Intl.NumberFormat('en-US')

/** `12,345` */
export const count = (number: number): string => wholeNumber.format(number)

/** `1 event`, `2 events` */
export const counted = (number: number, one: string, many = `${one}s`): string =>
  `${count(number)} ${number === 1 ? one : many}`

/** `98.4 %`; an en dash where there is nothing to take a share of. */
export const percent = (share: number | null, digits = 1): string =>
  share === null ? '–' : `${(share * 100).toFixed(digits)} %`

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
] as const

/** A length of time in its two largest units: `840 ms`, `12.4 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1_000).toFixed(ms < 9_950 ? 1 : 0)} s`
  const largest = units.find(([, size]) => ms >= size - 500) ?? units[2]
  const [unit, size] = largest
  const [smallerUnit, smallerSize] = units[units.indexOf(largest) + 1] ?? (['s', 1_000] as const)
  const smaller = Math.round(ms / smallerSize)
  const perUnit = size / smallerSize
  const rest = smaller % perUnit
  return `${Math.floor(smaller / perUnit)} ${unit}${rest === 0 ? '' : ` ${rest} ${smallerUnit}`}`
}

/** `hard_bounce` as people write it: `Hard bounce`. */
export function phrase(word: string): string {
  const text = word.replaceAll('_', ' ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}
