-- What a token is good for is one event, however its request is written.
ALTER TABLE "webhook_tokens" RENAME COLUMN "body_hash" TO "event";
