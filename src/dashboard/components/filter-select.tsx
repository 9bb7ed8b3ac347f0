/** A select field in the filter of a list. */
import { phrase } from './labels.ts'

interface FilterSelectProps {
  readonly name: string
  /** The label of "no filter". */
  readonly anyLabel: string
  readonly options: readonly string[]
  readonly selected: string | undefined
}

export const FilterSelect = ({ name, anyLabel, options, selected }: FilterSelectProps) => (
  <label>
    <span class="hidden-text">{phrase(name)}</span>
    <select name={name}>
      <option value="">{anyLabel}</option>
      {options.map((option) => (
        <option key={option} value={option} selected={option === selected}>
          {phrase(option)}
        </option>
      ))}
    </select>
  </label>
)
