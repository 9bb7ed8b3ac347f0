-- How an event was found that no webhook brought: by reconciling, or by asking about one email. Null: a webhook or an application brought it.
ALTER TABLE "events" ADD COLUMN "found_by" TEXT;
