/** Every workflow that a worker runs. */
export { emailLifecycle } from './email-lifecycle.ts'
export { wakeOverdueLives } from './overdue-lives.ts'
