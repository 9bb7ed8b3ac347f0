-- suppressions_address_cause replaces it.
DROP INDEX CONCURRENTLY "suppressions_address_event";
