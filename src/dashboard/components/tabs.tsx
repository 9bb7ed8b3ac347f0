/** Links to the views of a page: by state, or by period. */

interface TabsProps {
  readonly label: string
  readonly tabs: readonly { readonly name: string; readonly href: string; readonly isCurrent: boolean }[]
}

export const Tabs = ({ label, tabs }: TabsProps) => (
  <nav class="tabs" aria-label={label}>
    <ul>
      {tabs.map(({ name, href, isCurrent }) => (
        <li key={href}>
          <a href={href} aria-current={isCurrent ? 'page' : undefined}>
            {name}
          </a>
        </li>
      ))}
    </ul>
  </nav>
)
