/** How much of a fault a run of the tests takes: the short form is part of `npm test`, the long one is `npm run test:faults`. */

export const isLong = process.env['TEST_FORM'] === 'long'

/** What the form that runs now wants of something. */
export const inForm = <T>(forms: { short: T; long: T }): T => (isLong ? forms.long : forms.short)

/** The long form is bounded as a whole: what is not done by then has failed. */
const longestRunMs = 15 * 60_000
if (isLong) {
  setTimeout(() => {
    console.error('the long form took longer than 15 minutes')
    process.exit(1)
  }, longestRunMs).unref()
}
