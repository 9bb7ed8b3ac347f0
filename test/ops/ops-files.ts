/** What operators are given as files, and which metrics it speaks of. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const opsFolder = fileURLToPath(new URL('../../ops/', import.meta.url))

export const readOpsFile = (path: string): string => readFileSync(`${opsFolder}${path}`, 'utf8')

/** Every metric of ours, Node's and Temporal's that a text names. */
export const metricNamesIn = (text: string): string[] => [
  ...new Set(text.match(/\b(?:aftersend|nodejs|process|temporal)_[a-z_]+[a-z]\b/g) ?? []),
]
