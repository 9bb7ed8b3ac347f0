/** `npm run history`: runs every kind of workflow on real servers and records its histories beside this file. */
import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js'
import pkg from '../../package.json' with { type: 'json' }
import { EmailRig } from '../workflows/email-rig.ts'
import { kinds } from './kinds.ts'

/** A folder per version. The histories of every released version must always replay. */
const folder = fileURLToPath(new URL(`${pkg.version}/`, import.meta.url))

describe(`recording histories into ${folder}`, () => {
  let rig: EmailRig
  before(async () => {
    await mkdir(folder, { recursive: true })
    rig = await EmailRig.start()
  })
  after(() => rig.stop())

  for (const [kind, run] of Object.entries(kinds)) {
    it(kind, async () => {
      const recorded = await run(rig)
      for (const [index, { runId }] of (await recorded.runs()).entries()) {
        const history = await recorded.handle(runId).fetchHistory()
        await writeFile(`${folder}${kind}-${index + 1}.json`, `${historyToJSON(history)}\n`)
      }
    })
  }
})
