/** What the audit log records. */

/** The actions, by the request that does them. A request that is not among them changes nothing that needs an account. */
export const auditedRequests = {
  'POST /sign-in': 'session.start',
  'GET /sign-in/callback': 'session.start',
  'POST /sign-out': 'session.end',
  'DELETE /v1/sessions/:id': 'session.revoke',
  'POST /setup/sessions/revoke': 'session.revoke',
  'POST /setup/sessions/revoke-others': 'session.revoke',
  'POST /v1/keys': 'key.create',
  'POST /setup/keys': 'key.create',
  'DELETE /v1/keys/:id': 'key.revoke',
  'POST /setup/keys/revoke': 'key.revoke',
  'POST /v1/suppressions': 'suppression.add',
  'POST /suppressions': 'suppression.add',
  'POST /v1/suppressions/remove': 'suppression.remove',
  'DELETE /v1/suppressions/:address': 'suppression.remove',
  'POST /suppressions/remove': 'suppression.remove',
  'POST /v1/suppressions/push': 'suppression.push',
  'POST /v1/suppressions/push-removals': 'suppression.push_removals',
  'POST /v1/suppressions/pull-removals': 'suppression.pull_removals',
  'POST /v1/suppressions/import': 'suppression.import',
  'POST /suppressions/import': 'suppression.import',
  'GET /v1/suppressions/export': 'suppression.export',
  'GET /suppressions/export': 'suppression.export',
  'POST /v1/domains/reports': 'domain.import_reports',
  'POST /domains/reports': 'domain.import_reports',
  'POST /v1/bounces/rejudge': 'bounce.rejudge',
  'POST /v1/escalations/:id/acknowledge': 'escalation.acknowledge',
  'POST /v1/escalations/:id/snooze': 'escalation.snooze',
  'POST /v1/escalations/:id/resolve': 'escalation.resolve',
  'POST /escalations/acknowledge': 'escalation.acknowledge',
  'POST /escalations/:id/:command': 'escalation.command',
  'POST /integrations/slack/interactions': 'escalation.command',
  'POST /v1/channels/:name/test': 'channel.test',
  'POST /v1/reconciliations': 'provider.reconcile',
  'POST /setup/reconcile': 'provider.reconcile',
  'POST /v1/events/replay': 'event.replay',
  'POST /events/replay': 'event.replay',
  'POST /events/replay-all': 'event.replay',
  'POST /setup/test-event': 'event.test',
  'POST /v1/recipients/erase': 'recipient.erase',
  'DELETE /v1/recipients/:address': 'recipient.erase',
  'POST /v1/emails/send': 'email.send',
  'POST /v1/endpoints': 'endpoint.create',
  'POST /setup/endpoints': 'endpoint.create',
  'PATCH /v1/endpoints/:id': 'endpoint.change',
  'POST /setup/endpoints/:id': 'endpoint.change',
  'DELETE /v1/endpoints/:id': 'endpoint.delete',
  'POST /setup/endpoints/:id/delete': 'endpoint.delete',
  'POST /v1/endpoints/:id/pause': 'endpoint.pause',
  'POST /setup/endpoints/:id/pause': 'endpoint.pause',
  'POST /v1/endpoints/:id/resume': 'endpoint.resume',
  'POST /setup/endpoints/:id/resume': 'endpoint.resume',
  'POST /v1/endpoints/:id/test': 'endpoint.test',
  'POST /setup/endpoints/:id/test': 'endpoint.test',
  'POST /v1/endpoints/:id/secret': 'endpoint.rotate_secret',
  'POST /setup/endpoints/:id/secret': 'endpoint.rotate_secret',
  'POST /v1/endpoints/:id/replay': 'endpoint.replay',
  'POST /setup/endpoints/:id/replay': 'endpoint.replay',
  'GET /v1/audit': 'audit.read',
  'GET /v1/audit/export': 'audit.export',
  'GET /setup/audit/export': 'audit.export',
  'POST /v1/audit/lookup': 'audit.read',
  'GET /setup/audit': 'audit.read',
} as const

export type AuditAction = (typeof auditedRequests)[keyof typeof auditedRequests]

export const auditActions = [...new Set(Object.values(auditedRequests))].sort() as [AuditAction, ...AuditAction[]]

export const auditOutcomes = ['done', 'refused', 'failed'] as const

/** By the HTTP status: refused is what the caller may not do. */
export function auditOutcomeOf(status: number): (typeof auditOutcomes)[number] {
  if (status < 400) return 'done'
  return [401, 403, 429].includes(status) ? 'refused' : 'failed'
}
