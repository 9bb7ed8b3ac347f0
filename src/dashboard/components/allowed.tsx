/** Shows what the signed-in person may use. The server checks it again: see page-router.ts. */
import { type ComponentChildren, createContext } from 'preact'
import { useContext } from 'preact/hooks'
import { allows, type Caller, type Scope } from '../../domain/access.ts'

/** The person who gets the page. */
export const Viewer = createContext<Pick<Caller, 'scopes'>>({ scopes: [] })

/** Whether the person has one of these scopes. */
export const useAllowed = (...needed: readonly Scope[]): boolean => allows(useContext(Viewer), needed)

export const Allowed = ({ to, children }: { to: Scope | readonly Scope[]; children: ComponentChildren }) =>
  useAllowed(...[to].flat()) ? children : null
