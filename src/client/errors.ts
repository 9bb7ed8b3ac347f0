import type { Problem } from './types.ts'

/** Aftersend answered, and it is no success. `problem` says why, and what to do. */
export class AftersendProblemError extends Error {
  override name = 'AftersendProblemError'
  readonly status: number
  readonly problem: Problem

  constructor(problem: Problem) {
    super(`${problem.status} ${problem.title}: ${problem.detail}`)
    this.status = problem.status
    this.problem = problem
  }
}

/** A recipient is suppressed: nothing was sent to anybody. */
export class RecipientSuppressedError extends AftersendProblemError {
  override name = 'RecipientSuppressedError'
  /** Which of the recipients, counted from 0, and why. */
  readonly recipients: readonly { readonly index: number; readonly reason: string }[]

  constructor(problem: Problem) {
    super(problem)
    this.recipients = suppressedIn(problem)
  }
}

/** The recipients that a problem is about; none where it is about something else. */
export function suppressedIn(problem: Problem): { index: number; reason: string }[] {
  if (problem.status !== 422) return []
  return (problem.errors ?? []).flatMap(({ path, reason }) => {
    const index = /^to\.(\d+)$/.exec(path)?.[1]
    return index === undefined || reason === undefined ? [] : [{ index: Number(index), reason }]
  })
}

/** No answer, or none of Aftersend's. `cause` has what `fetch` said. */
export class AftersendUnreachableError extends Error {
  override name = 'AftersendUnreachableError'
}
