-- Counts the writes of an escalation: what a compare-and-set compares.
ALTER TABLE "escalations" ADD COLUMN "version" INTEGER NOT NULL DEFAULT 1;
