-- Reads every event once, beside the traffic. The switch need not.
ALTER TABLE "events" VALIDATE CONSTRAINT "events_boundary";
