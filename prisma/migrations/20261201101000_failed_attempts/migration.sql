CREATE INDEX CONCURRENTLY "delivery_attempts_failed" ON "delivery_attempts" ("endpoint_id", "id" DESC) WHERE (status BETWEEN 200 AND 299) IS NOT TRUE;
