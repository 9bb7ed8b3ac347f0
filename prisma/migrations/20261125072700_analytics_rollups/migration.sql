-- CreateTable
CREATE TABLE "analytics_rollups" (
    "grain" TEXT NOT NULL,
    "dimension" TEXT NOT NULL,
    "starts_at" TIMESTAMPTZ(3) NOT NULL,
    "value" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "priority" TEXT NOT NULL,
    "emails" INTEGER NOT NULL,
    "sent" INTEGER NOT NULL,
    "delivered" INTEGER NOT NULL,
    "hard_bounced" INTEGER NOT NULL,
    "soft_bounced" INTEGER NOT NULL,
    "complained" INTEGER NOT NULL,
    "opened" INTEGER NOT NULL,
    "opened_by_human" INTEGER NOT NULL,
    "clicked" INTEGER NOT NULL,
    "clicked_by_human" INTEGER NOT NULL,
    "timed" INTEGER NOT NULL,
    "delivery_time_sum_ms" DOUBLE PRECISION NOT NULL,
    "bins" INTEGER[],
    "counts" INTEGER[],

    CONSTRAINT "analytics_rollups_pkey" PRIMARY KEY ("grain","dimension","starts_at","value","provider","priority")
);

-- CreateTable
CREATE TABLE "analytics_dirty_hours" (
    "hour" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "analytics_dirty_hours_pkey" PRIMARY KEY ("hour")
);

-- CreateTable
CREATE TABLE "analytics_state" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "place" TEXT,
    "rolled_through" TIMESTAMPTZ(3),
    "rolled_at" TIMESTAMPTZ(3),
    "pruned_below" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "analytics_state_pkey" PRIMARY KEY ("id")
);


-- The one row that there is.
INSERT INTO "analytics_state" DEFAULT VALUES;
