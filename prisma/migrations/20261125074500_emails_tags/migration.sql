-- Lists of a tag: a rare one would otherwise be looked for in all emails, newest first. A common one still is.
CREATE INDEX CONCURRENTLY "emails_tags_idx" ON "emails" USING GIN ("tags");
