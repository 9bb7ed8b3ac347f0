-- The mailbox provider of each domain that emails went to, found by the domain itself or by its MX records; see
-- src/domain/mailbox-provider.ts.
CREATE TABLE "recipient_domains" (
  "domain" TEXT NOT NULL,
  "mailbox_provider" TEXT,
  "found_by" TEXT NOT NULL,
  "checked_at" TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "recipient_domains_pkey" PRIMARY KEY ("domain")
);
