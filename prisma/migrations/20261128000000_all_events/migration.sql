-- Prisma Studio lists tables and views, but no table that is partitioned: this shows people the events of all months beside the
-- other tables. Nothing of ours reads it.
CREATE VIEW "all_events" AS SELECT * FROM "events";
