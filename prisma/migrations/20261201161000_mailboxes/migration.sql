-- The mailboxes that are read by IMAP. A worker goes on from `last_uid`, as long as the UIDs are of the same folder.
CREATE TABLE "mailboxes" (
  "name" TEXT NOT NULL,
  "project" TEXT NOT NULL,
  "folder_id" TEXT,
  "last_uid" BIGINT NOT NULL DEFAULT 0,
  "mails" BIGINT NOT NULL DEFAULT 0,
  "skipped" BIGINT NOT NULL DEFAULT 0,
  "last_mail_at" TIMESTAMPTZ(3),
  "read_at" TIMESTAMPTZ(3),
  "failure" TEXT,
  "is_refused" BOOLEAN NOT NULL DEFAULT false,
  "failing_since" TIMESTAMPTZ(3),
  CONSTRAINT "mailboxes_pkey" PRIMARY KEY ("name")
);
