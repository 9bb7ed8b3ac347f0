/** Every workflow that a worker runs. */
export { emailLifecycle } from './email-lifecycle.ts'
export { endpoint } from './endpoint.ts'
export { incident } from './incident.ts'
export { mergeSuppressionLists, reconcile, reconcileProviders } from './reconcile.ts'
export {
  eraseByAge,
  keepEventMonths,
  lookUpRecipientDomains,
  rollUpAnalytics,
  serveEndpoints,
  wakeOverdueLives,
  watchForIncidents,
} from './scheduled.ts'
