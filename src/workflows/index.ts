/** Every workflow that a worker runs. */
export { rollUpAnalytics } from './analytics.ts'
export { emailLifecycle } from './email-lifecycle.ts'
export { keepEventMonths } from './event-months.ts'
export { incident } from './incident.ts'
export { wakeOverdueLives } from './overdue-lives.ts'
export { eraseByAge } from './retention.ts'
export { watchForIncidents } from './watch.ts'
