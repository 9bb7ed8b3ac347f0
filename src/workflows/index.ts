/** Every workflow that a worker runs. */
export { emailLifecycle } from './email-lifecycle.ts'
export { endpoint } from './endpoint.ts'
export { exportData } from './export-data.ts'
export { incident } from './incident.ts'
export { readMailbox, serveMailboxes } from './mailbox.ts'
export { mergeSuppressionLists, reconcile, reconcileProviders } from './reconcile.ts'
export {
  eraseByAge,
  keepEventMonths,
  lookUpRecipientDomains,
  rollUpAnalytics,
  serveChannels,
  serveEndpoints,
  wakeOverdueLives,
  watchForIncidents,
} from './scheduled.ts'
