/** Maps the errors of other parts of the system to problems. */
import { isUnavailable } from '../db/database.ts'
import { DatabaseUnavailableError, ExternalIdTakenError, TemporalUnavailableError } from '../errors.ts'
import { Problem, type ProblemOf, unavailable } from '../http/problem.ts'
import { InvalidEventError, VerificationUnavailableError } from '../providers/provider.ts'
import { CommandRefusedError } from '../temporal/email-workflows.ts'
import { locationOf } from './email-input.ts'

export const problemOf: ProblemOf = (error) => {
  if (error instanceof InvalidEventError) return new Problem(error.status, error.message)
  if (error instanceof VerificationUnavailableError) return unavailable(`${error.message}: send it again later`)
  if (error instanceof ExternalIdTakenError) return externalIdTaken(error)
  if (error instanceof CommandRefusedError) return new Problem(409, error.message)
  if (error instanceof TemporalUnavailableError) return unavailable('Temporal does not answer: try again later')
  if (error instanceof DatabaseUnavailableError || isUnavailable(error)) {
    return unavailable('PostgreSQL does not answer: send the request again later')
  }
  return null
}

const externalIdTaken = ({ provider, emailId, message }: ExternalIdTakenError): Problem =>
  new Problem(409, message, {
    errors: [
      {
        path: 'externalId',
        message:
          emailId === null
            ? 'belongs to an email that is being sent'
            : `belongs to the email ${emailId} of ${provider}`,
      },
    ],
    ...(emailId !== null && { headers: { Location: locationOf(provider, emailId) } }),
  })
