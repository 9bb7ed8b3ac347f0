/** One fact of a list (`<dl class="facts">`). */
import type { ComponentChildren } from 'preact'

interface FactProps {
  readonly name: string
  /** For long values. */
  readonly wholeRow?: boolean
  readonly children: ComponentChildren
}

export const Fact = ({ name, wholeRow = false, children }: FactProps) => (
  <div class={wholeRow ? 'whole-row' : undefined}>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
)
