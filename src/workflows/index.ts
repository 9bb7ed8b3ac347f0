/** Every workflow that a worker runs. */
export { rollUpAnalytics } from './analytics.ts'
export { emailLifecycle } from './email-lifecycle.ts'
export { wakeOverdueLives } from './overdue-lives.ts'
export { eraseByAge } from './retention.ts'
