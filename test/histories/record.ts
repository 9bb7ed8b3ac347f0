/** `npm run history`: lives every kind of life on real servers and records its histories beside this file. */
import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js'
import pkg from '../../package.json' with { type: 'json' }
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
      for (const [index, { runId }] of (await email.runs()).entries()) {
        const history = await email.handle(runId).fetchHistory()
        await writeFile(`${folder}${kind}-${index + 1}.json`, `${historyToJSON(history)}\n`)
      }
    })
  }
})
