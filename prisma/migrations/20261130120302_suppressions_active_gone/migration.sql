-- suppressions_active_address_project replaces it: two projects may suppress one address. Where an instance of an earlier release still runs,
-- its manual additions and imports are answered with 500 until it is replaced; its webhooks suppress as before.
DROP INDEX CONCURRENTLY "suppressions_active_address";
