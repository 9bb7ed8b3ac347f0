import { incidentIn } from '../domain/incident.ts'
import { emailPath } from '../domain/page-paths.ts'
import type { SupportNotice } from './channel.ts'

/**
 * The dashboard's page of what a notice is about; null if nobody said where the dashboard is.
 * @param publicUrl without a path.
 */
export function pageLink(notice: SupportNotice, publicUrl: string | null): string | null {
  if (publicUrl === null) return null
  return publicUrl + (incidentIn(notice) ? '/escalations' : emailPath(notice.provider, notice.emailId))
}
