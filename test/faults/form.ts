/** The short form of a test is part of `npm test`; the long one runs with `npm run test:faults`, `test:fuzz` or `test:model`. */
export const isLong = process.env['TEST_FORM'] === 'long'

export const inForm = <T>(forms: { short: T; long: T }): T => (isLong ? forms.long : forms.short)

/** The time limit of a whole run of the long form. */
const longestRunMs = 15 * 60_000
if (isLong) {
  setTimeout(() => {
    console.error('the long form took longer than 15 minutes')
    process.exit(1)
  }, longestRunMs).unref()
}
