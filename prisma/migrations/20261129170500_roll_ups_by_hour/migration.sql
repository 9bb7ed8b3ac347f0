-- When an hour is to be counted again: those of long ago seldom, however many of their emails are opened late.
ALTER TABLE "analytics_dirty_hours" ADD COLUMN "due_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP;

-- Days to be added up again, since one of their hours was counted again.
CREATE TABLE "analytics_dirty_days" (
    "day" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "analytics_dirty_days_pkey" PRIMARY KEY ("day")
);
