CREATE INDEX CONCURRENTLY "suppressions_address_idx" ON "suppressions"("address");
