/** Statements on the mailboxes that are read by IMAP. */
import type { FailingMailbox } from '../domain/mailbox-policy.ts'
import type { Database } from './database.ts'
import type { Mailbox } from './generated/client.ts'

/** Up to which mail a mailbox was read. */
export interface MailboxCursor {
  /** Whose UIDs these are. Where it differs, the folder is read from its beginning. */
  readonly folderId: string
  readonly lastUid: number
}

/** Null before the first mail. Index: mailboxes_pkey. */
export async function readMailboxCursor(db: Database, name: string): Promise<MailboxCursor | null> {
  const row = await db.mailbox.findUnique({ where: { name }, select: { folderId: true, lastUid: true } })
  return row?.folderId ? { folderId: row.folderId, lastUid: Number(row.lastUid) } : null
}

export interface ReadMails extends MailboxCursor {
  readonly name: string
  readonly project: string
  readonly mails: number
  readonly skipped: number
}

/**
 * Records that mails were read, or that there were none, and that the mailbox can be read. The cursor does not go back within a folder.
 * Index: mailboxes_pkey.
 */
export const recordMails = (
  db: Database,
  { name, project, folderId, lastUid, mails, skipped }: ReadMails,
): Promise<number> => db.$executeRaw`
  INSERT INTO mailboxes AS known (name, project, folder_id, last_uid, mails, skipped, last_mail_at, read_at)
  VALUES (${name}, ${project}, ${folderId}, ${lastUid}, ${mails}, ${skipped}, CASE WHEN ${mails + skipped} > 0 THEN now() END, now())
  ON CONFLICT (name) DO UPDATE SET
    project = excluded.project, folder_id = excluded.folder_id,
    last_uid = CASE WHEN known.folder_id = excluded.folder_id THEN greatest(known.last_uid, excluded.last_uid) ELSE excluded.last_uid END,
    mails = known.mails + excluded.mails, skipped = known.skipped + excluded.skipped,
    last_mail_at = coalesce(excluded.last_mail_at, known.last_mail_at), read_at = excluded.read_at,
    failure = NULL, is_refused = false, failing_since = NULL`

/**
 * Records that a mailbox cannot be read, since when, and whether it stays so until somebody acts. Index: mailboxes_pkey.
 * @param failure without a part of the server's answer.
 */
export const recordMailboxFailure = (
  db: Database,
  { name, project, failure, isRefused }: Pick<Mailbox, 'name' | 'project' | 'isRefused'> & { readonly failure: string },
): Promise<number> => db.$executeRaw`
  INSERT INTO mailboxes AS known (name, project, failure, is_refused, failing_since)
  VALUES (${name}, ${project}, ${failure}, ${isRefused}, now())
  ON CONFLICT (name) DO UPDATE SET project = excluded.project, failure = excluded.failure, is_refused = excluded.is_refused,
    failing_since = coalesce(known.failing_since, excluded.failing_since)`

/** Those of other names are not read any more, so that their failures are over. There are few. */
export const clearOtherMailboxFailures = (db: Database, names: readonly string[]): Promise<number> => db.$executeRaw`
  UPDATE mailboxes SET failure = NULL, is_refused = false, failing_since = NULL
  WHERE failure IS NOT NULL AND name <> ALL(${[...names]}::text[])`

/** There are few. */
export async function readFailingMailboxes(db: Database): Promise<FailingMailbox[]> {
  const rows = await db.mailbox.findMany({ where: { failure: { not: null } }, orderBy: { name: 'asc' } })
  return rows.map(({ name, failure, isRefused, failingSince }) => ({
    name,
    failure: failure ?? '',
    isRefused,
    failingSince: failingSince?.getTime() ?? 0,
  }))
}

/** All that were ever read. There are few. */
export const listMailboxes = (db: Database): Promise<Mailbox[]> => db.mailbox.findMany({ orderBy: { name: 'asc' } })
