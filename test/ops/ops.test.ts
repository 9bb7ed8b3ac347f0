import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '../stack.ts'
import { opsFolder, readOpsFile } from './ops-files.ts'

const alerts = readOpsFile('prometheus/alerts.yml')
const handbook = readFileSync(fileURLToPath(new URL('../../docs/observability.md', import.meta.url)), 'utf8')

interface Panel {
  readonly id: number
  readonly title: string
  readonly targets: readonly { readonly expr: string }[]
}
const { panels } = JSON.parse(readOpsFile('grafana/aftersend.json')) as { panels: Panel[] }
const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))

const promtool = (...args: string[]) => spawnSync('promtool', args, { encoding: 'utf8' })

describe('what operators are given', () => {
  it('has a chapter on what to do for every alert, and no other', () => {
    const names = [...alerts.matchAll(/- alert: (\w+)/g)].map(([, name = '']) => name)
    const chapters = [...handbook.matchAll(/^### (\w+)$/gm)].map(([, name]) => name)
    const links = [...alerts.matchAll(/runbook: docs\/observability\.md#(\w+)/g)].map(([, anchor]) => anchor)
    assert.ok(names.length > 5)
    assert.deepEqual(chapters, names)
    assert.deepEqual(
      links,
      names.map((name) => name.toLowerCase()),
    )
  })

  it('has a dashboard of panels that each ask something', () => {
    assert.ok(panels.length > 5)
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
    for (const { title, targets } of panels) assert.ok(targets.length > 0 && targets.every(({ expr }) => expr), title)
  })

  describe('by promtool', () => {
    before(function () {
      if (promtool('--version').status === 0) return
      console.log('skipped: promtool is not installed (it comes with Prometheus)')
      this.skip()
    })

    it('has rules that Prometheus takes', () => {
      const { status, stdout, stderr } = promtool('check', 'rules', `${opsFolder}prometheus/alerts.yml`)
      assert.equal(status, 0, stdout + stderr)
    })

    it('has a dashboard whose every expression Prometheus takes', async () => {
      const rules = expressions.map((expr, n) => ({
        record: `panel:${n}`,
        expr: expr.replaceAll('$__rate_interval', '5m'),
      }))
      // YAML holds JSON.
      const file = join(await temporaryFolder(), 'panels.yml')
      writeFileSync(file, JSON.stringify({ groups: [{ name: 'panels', rules }] }))
      const { status, stdout, stderr } = promtool('check', 'rules', file)
      assert.equal(status, 0, stdout + stderr)
    })
  })
})
