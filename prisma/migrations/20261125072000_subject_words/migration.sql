CREATE INDEX CONCURRENTLY "emails_subject_words" ON "emails" USING GIN (to_tsvector('simple', coalesce("subject", '')));
