/** `npm run history`: lives every kind of life on real servers and records its histories beside this file. */
import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js'
import pkg from '../../package.json' with { type: 'json' }
import { workflowIdOf } from '../../src/temporal/lives.ts'
import { Living } from '../workflows/living.ts'
import { kinds } from './kinds.ts'

/** Histories are kept by the version whose code made them: every released version's must replay for ever. */
const folder = fileURLToPath(new URL(`${pkg.version}/`, import.meta.url))

describe(`recording histories into ${folder}`, () => {
  let living: Living
  before(async () => {
    await mkdir(folder, { recursive: true })
    living = await Living.begin()
  })
  after(() => living.end())

  for (const [kind, live] of Object.entries(kinds)) {
    it(kind, async () => {
      const email = await live(living)
      const runs = living.client.workflow.list({ query: `WorkflowId = "${workflowIdOf(email)}"` })
      let count = 0
      for await (const { workflowId, runId } of runs) {
        count += 1
        const history = await living.client.workflow.getHandle(workflowId, runId).fetchHistory()
        await writeFile(`${folder}${kind}-${count}.json`, `${historyToJSON(history)}\n`)
      }
    })
  }
})
