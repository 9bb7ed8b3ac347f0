/**
 * Inputs from public reports by users of other projects (`fixtures/reports.jsonl`), each with its source, the symptom and what must come
 * of it; and findings by comparison with other projects' test suites (`fixtures/mapping.jsonl`). Written anew; people are at example.com.
 */
import { readFileSync } from 'node:fs'

interface Report {
  readonly n: number
  readonly input: unknown
}

/** A finding about one event or a kind of events. */
interface Finding {
  readonly id: string
  readonly event: unknown
  /** Events of providers, written as words. */
  readonly rows?: readonly string[]
}

const linesOf = <T>(name: string): readonly T[] =>
  readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T)

const reports = linesOf<Report>('reports.jsonl')

const findings = linesOf<Finding>('mapping.jsonl')

/** The finding of that ID. */
export function findingOf(id: string): Finding {
  const finding = findings.find((one) => one.id === id)
  if (!finding) throw new Error(`there is no finding ${id}`)
  return finding
}

/**
 * The input of a report with its placeholders filled in: `{{now}}` is a time in ISO 8601, `{{now_s}}` one in epoch seconds, `{{now+3d}}`
 * one three days later, `{{day}}` the one that the test chooses.
 */
export function inputOf<T>(n: number, now: number, day = now): T {
  const report = reports.find((one) => one.n === n)
  if (!report) throw new Error(`there is no report ${n}`)
  return JSON.parse(filled(JSON.stringify(report.input), now, day)) as T
}

const daySeconds = 24 * 3_600

const filled = (text: string, now: number, day: number): string =>
  text
    .replace(/\{\{now_s(?:-(\d)d)?\}\}/g, (_, days = 0) => String(Math.floor(now / 1_000) - Number(days) * daySeconds))
    .replace(/\{\{now\+(\d)d\}\}/g, (_, days) => new Date(now + Number(days) * daySeconds * 1_000).toISOString())
    .replace(/\{\{now as '([^']+)'\}\}/g, (_, form) => written(form, now))
    .replaceAll('{{now}}', new Date(now).toISOString())
    .replaceAll('{{day}}', new Date(day).toISOString())
    .replaceAll('{{50 hex}}', 'ab12f'.repeat(10))

/** The time in a form such as `YYYY-MM-DDTHH:MM:SS +0000`. */
function written(form: string, now: number): string {
  const iso = new Date(now).toISOString()
  return form.replace('YYYY-MM-DD', iso.slice(0, 10)).replace('HH:MM:SS', iso.slice(11, 19))
}
