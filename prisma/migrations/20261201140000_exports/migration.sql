-- The scheduled export: where it writes and how far it is with events. No row: nothing was ever exported.
CREATE TABLE "export_state" (
  "id" INTEGER NOT NULL DEFAULT 1,
  "target" TEXT NOT NULL,
  "events_through" TIMESTAMPTZ(3),
  CONSTRAINT "export_state_pkey" PRIMARY KEY ("id")
);
ALTER TABLE "export_state" ADD CONSTRAINT "export_state_one_row" CHECK ("id" = 1);

-- The hours of emails to be written.
CREATE TABLE "export_hours" (
  "hour" TIMESTAMPTZ(3) NOT NULL,
  "changes" BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT "export_hours_pkey" PRIMARY KEY ("hour")
);
