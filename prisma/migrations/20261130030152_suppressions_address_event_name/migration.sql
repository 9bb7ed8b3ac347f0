ALTER INDEX "suppressions_address_cause" RENAME TO "suppressions_address_event";
