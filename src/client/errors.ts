import type { Problem } from './types.ts'

/** Aftersend responded with an error. `problem` says why, and what to do. */
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

/** A recipient is suppressed, so the email was not sent to any recipient. */
export class RecipientSuppressedError extends AftersendProblemError {
  override name = 'RecipientSuppressedError'
  /** The suppressed recipients: index in `to`, from 0, and reason. */
  readonly recipients: readonly { readonly index: number; readonly reason: string }[]

  constructor(problem: Problem) {
    super(problem)
    this.recipients = suppressedRecipients(problem)
  }
}

/** The suppressed recipients that a problem names. */
export function suppressedRecipients(problem: Problem): { index: number; reason: string }[] {
  if (problem.status !== 422) return []
  return (problem.errors ?? []).flatMap(({ path, reason }) => {
    const index = /^to\.(\d+)$/.exec(path)?.[1]
    return index === undefined || reason === undefined ? [] : [{ index: Number(index), reason }]
  })
}

/** There was no response, or one that is not from Aftersend. `cause` is the error of `fetch`. */
export class AftersendUnreachableError extends Error {
  override name = 'AftersendUnreachableError'
}
