/** The schema of an error's body, for the OpenAPI document. */
import { z } from 'zod'

/** RFC 9457. */
export const problem = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe('One sentence: what is wrong, and what to do.'),
    instance: z.string().describe('Identifies the request in the server log.'),
    errors: z
      .array(z.strictObject({ path: z.string(), message: z.string(), reason: z.string().optional() }))
      .optional()
      .describe('Each part of the input that is not valid.'),
  })
  .meta({ id: 'Problem' })
