-- Unresolved escalations by their latest notice: has it been sent?
CREATE INDEX CONCURRENTLY "escalations_noticed" ON "escalations" ("noticed_at", "id") WHERE "state" <> 'resolved';
