/** Numbers, durations and names as the pages show them. */
import { countCap } from '../../db/capped-count.ts'

const wholeNumber = new Intl.NumberFormat('en-US')

/** `12,345` */
export const count = (number: number): string => wholeNumber.format(number)

/** `1 event`, `2 events` */
export const counted = (number: number, one: string, many = `${one}s`): string =>
  `${count(number)} ${number === 1 ? one : many}`

/** `12,345`, or `100,000 or more` where counting stopped at its cap. */
export const cappedCount = (number: number): string =>
  number < countCap ? count(number) : `${count(countCap)} or more`

/** `98.4 %`; an en dash for null. */
export const percent = (share: number | null, digits = 1): string =>
  share === null ? '–' : `${(share * 100).toFixed(digits)} %`

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
] as const

/** A duration in its two largest units: `840 ms`, `12.4 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`. */
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

/** `Hard bounce` for `hard_bounce`. */
export function phrase(name: string): string {
  const text = name.replaceAll('_', ' ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}
