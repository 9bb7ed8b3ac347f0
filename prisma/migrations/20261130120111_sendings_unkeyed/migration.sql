-- Fingerprints of versions before 0.5, which a job replaces by keyed ones. Empty afterwards.
CREATE INDEX CONCURRENTLY "sendings_unkeyed" ON "sendings" ("idempotency_key") WHERE "fingerprint" NOT LIKE 'hmac-sha256:%';
