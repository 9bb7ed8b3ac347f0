/** One of a few words of ours, or any, in the filter of a list. */
import { phrase } from './words.ts'

interface ChoiceProps {
  readonly name: string
  /** What the choice of nothing is called. */
  readonly any: string
  readonly options: readonly string[]
  readonly chosen: string | undefined
}

export const Choice = ({ name, any, options, chosen }: ChoiceProps) => (
  <label>
    <span class="hidden-text">{phrase(name)}</span>
    <select name={name}>
      <option value="">{any}</option>
      {options.map((option) => (
        <option key={option} value={option} selected={option === chosen}>
          {phrase(option)}
        </option>
      ))}
    </select>
  </label>
)
