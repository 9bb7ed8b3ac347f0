/** What the tables of emails and of recipients have in common: the columns of opens and clicks. */
import { count } from './labels.ts'
import type { Column } from './table.tsx'

export const None = () => <span class="muted">–</span>

export const engagementColumns: readonly Column[] = [
  ['Opens', 'wide number'],
  ['Clicks', 'wide number'],
]

export const Count = ({ of: number }: { of: number }) => (number === 0 ? <None /> : count(number))
