/** What the tables of emails and of recipients have in common: the columns of opens and clicks. */
import { count } from './labels.ts'

export const None = () => <span class="muted">–</span>

export const EngagementHeads = () => (
  <>
    <th scope="col" class="wide number">
      Opens
    </th>
    <th scope="col" class="wide number">
      Clicks
    </th>
  </>
)

export const Count = ({ of: number }: { of: number }) => (number === 0 ? <None /> : count(number))
