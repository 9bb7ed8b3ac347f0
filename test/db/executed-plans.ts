import pg from 'pg'
import { type Database, databaseOn } from '../../src/db/database.ts'

/** One node of a plan, as PostgreSQL's `EXPLAIN (FORMAT JSON)` writes it. */
interface PlanNode {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Actual Rows'?: number
  readonly 'Actual Loops'?: number
  readonly 'Rows Removed by Filter'?: number
  readonly Plans?: readonly PlanNode[]
}

export interface ExecutedPlan {
  /** Those of a partition by the names of the whole table's. */
  readonly indexes: readonly string[]
  /** Tables that were read from end to end, and in which there was something: a month ahead is empty. */
  readonly scanned: readonly string[]
  /** Tables and partitions that were really looked into by their keys, by their own names. */
  readonly lookedUpIn: readonly string[]
  /** How many rows of tables were looked at. */
  readonly rows: number
}

/**
 * A database whose every statement tells the plan by which it was really carried out, in the words that our code sends:
 * PostgreSQL's auto_explain, heard over the statement's own connection.
 */
export class ExplainedDatabase {
  readonly db: Database
  #plans: ExecutedPlan[] = []

  /** @param planning whether plans are made for the statement's values, or for any, as a named statement's sixth is. */
  constructor(url: string, planning: 'force_custom_plan' | 'force_generic_plan') {
    const settings = {
      session_preload_libraries: 'auto_explain',
      'auto_explain.log_min_duration': '0',
      'auto_explain.log_analyze': 'on',
      'auto_explain.log_timing': 'off',
      'auto_explain.log_format': 'json',
      client_min_messages: 'log',
      plan_cache_mode: planning,
    }
    const options = Object.entries(settings)
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' ')
    const pool = new pg.Pool({ connectionString: url, max: 1, options })
    // An idle connection may still be closing when its database is dropped.
    pool.on('error', () => {})
    pool.on('connect', (client) => client.on('notice', ({ message }) => this.#hear(message ?? '')))
    this.db = databaseOn(pool, 'erasure-key-of-the-tests-0000001')
  }

  /** What was carried out for `statement`. */
  async plansOf(statement: (db: Database) => Promise<unknown>): Promise<ExecutedPlan[]> {
    this.#plans = []
    await statement(this.db)
    return this.#plans
  }

  async close(): Promise<void> {
    await this.db.$disconnect()
  }

  #hear(message: string): void {
    const json = message.slice(message.indexOf('{'))
    if (!message.includes('plan:') || !json.startsWith('{')) return
    const { Plan: root } = JSON.parse(json) as { Plan: PlanNode }
    const nodes = nodesOf(root)
    this.#plans.push({
      indexes: namesOf(nodes.map((node) => node['Index Name'])),
      scanned: namesOf(
        nodes
          .filter((node) => node['Node Type'] === 'Seq Scan' && rowsReadBy(node) > 0)
          .map((node) => node['Relation Name']),
      ),
      lookedUpIn: [...new Set(nodes.filter(isLookUp).flatMap((node) => node['Relation Name'] ?? []))].sort(),
      rows: nodes.reduce((sum, node) => sum + rowsReadBy(node), 0),
    })
  }
}

const nodesOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)]
const namesOf = (names: readonly (string | undefined)[]): string[] =>
  [...new Set(names.filter((name) => name !== undefined).map(wholeNameOf))].sort()

/** The first partition and its indexes, as migrations name them; of those made ahead the keys. */
const wholeNameOf = (name: string): string =>
  name === 'events_first' ? 'events' : name.replace(/^first_|_\d{4}_\d{2}(?=_pkey$)/, '')

/** A partition that turned out not to be needed stays in the plan, and is never carried out. */
const isLookUp = (node: PlanNode): boolean =>
  (node['Index Name'] ?? '').endsWith('pkey') && (node['Actual Loops'] ?? 0) > 0

const rowsReadBy = (node: PlanNode): number =>
  node['Node Type'].includes('Scan') && node['Relation Name']
    ? ((node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0)) * (node['Actual Loops'] ?? 1)
    : 0

/**
 * Describes tests twice: with statements planned for their values, and planned for any.
 * @param url of the database, asked for when the tests begin.
 * @param turn tells one description's data from the other's.
 */
export function describeBothPlannings(
  url: () => string,
  tests: (explained: () => ExplainedDatabase, turn: number) => void,
): void {
  for (const [turn, planning] of (['force_custom_plan', 'force_generic_plan'] as const).entries()) {
    describe(planning === 'force_custom_plan' ? '(planned for its values)' : '(planned for any values)', () => {
      let explained: ExplainedDatabase
      before(() => {
        explained = new ExplainedDatabase(url(), planning)
      })
      after(() => explained.close())
      tests(() => explained, turn)
    })
  }
}
