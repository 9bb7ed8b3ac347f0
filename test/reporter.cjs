/** Mocha's spec report, with the sum alone on the last line, so that a run says how many tests it ran. */
const { reporters, Runner } = require('mocha')

module.exports = class SumReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options)
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures, pending } = this.stats
      // After the fixtures' teardown, so that nothing is printed below it.
      process.once('exit', () => {
        console.log(`${passes} passed, ${failures} failed${pending > 0 ? `, ${pending} skipped` : ''}`)
      })
    })
  }
}
