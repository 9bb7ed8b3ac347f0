import pg from 'pg'
import { type Database, databaseOn } from '../../src/db/database.ts'

/** One node of a plan in PostgreSQL's `EXPLAIN (FORMAT JSON)`. */
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
  /** Indexes of a partition by the names of the whole table's. */
  readonly indexes: readonly string[]
  /** Tables that were scanned sequentially and are not empty, unlike months ahead. */
  readonly scanned: readonly string[]
  /** Tables and partitions that were read by their keys, by their own names. */
  readonly lookedUpIn: readonly string[]
  /** The number of rows that were read. */
  readonly rows: number
}

/**
 * A database that records the executed plan of every statement, as the code sends it: PostgreSQL's auto_explain, received as notices
 * on the statement's connection.
 */
export class ExplainedDatabase {
  readonly db: Database
  #plans: ExecutedPlan[] = []

  /** @param planning custom plans for the values, or generic plans, which a named statement gets at its sixth execution. */
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
    pool.on('connect', (client) => client.on('notice', ({ message }) => this.#enqueue(message ?? '')))
    this.db = databaseOn(pool, { erasureKey: 'erasure-key-of-the-tests-0000001' })
  }

  /** The plans that were executed for `statement`. */
  async plansOf(statement: (db: Database) => Promise<unknown>): Promise<ExecutedPlan[]> {
    this.#plans = []
    await statement(this.db)
    return this.#plans
  }

  async close(): Promise<void> {
    await this.db.$disconnect()
  }

  #enqueue(message: string): void {
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

/** The first partition with its indexes, named by migrations or by their completion; for months ahead, the keys. */
const wholeNameOf = (name: string): string =>
  /^events_before_\d{4}_\d{2}$/.test(name)
    ? 'events'
    : name.replace(/^first_|^events_before_\d{4}_\d{2}_(?=events_)|_\d{4}_\d{2}(?=_pkey$)/, '')

/** A pruned partition stays in the plan and is never executed. */
const isLookUp = (node: PlanNode): boolean =>
  (node['Index Name'] ?? '').endsWith('pkey') && (node['Actual Loops'] ?? 0) > 0

const rowsReadBy = (node: PlanNode): number =>
  node['Node Type'].includes('Scan') && node['Relation Name']
    ? ((node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0)) * (node['Actual Loops'] ?? 1)
    : 0

/**
 * Describes tests twice: with custom plans and with generic plans.
 * @param url of the database, read when the tests start.
 * @param turn distinguishes the data of the two descriptions.
 */
export function describeBothPlannings(
  url: () => string,
  tests: (explained: () => ExplainedDatabase, turn: number) => void,
): void {
  for (const [turn, planning] of (['force_custom_plan', 'force_generic_plan'] as const).entries()) {
    describe(planning === 'force_custom_plan' ? '(custom plan)' : '(generic plan)', () => {
      let explained: ExplainedDatabase
      before(() => {
        explained = new ExplainedDatabase(url(), planning)
      })
      after(() => explained.close())
      tests(() => explained, turn)
    })
  }
}
