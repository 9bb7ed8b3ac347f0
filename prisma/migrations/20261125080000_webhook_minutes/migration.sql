-- CreateTable
CREATE TABLE "webhook_minutes" (
    "provider" TEXT NOT NULL,
    "minute" TIMESTAMPTZ(3) NOT NULL,
    "genuine" INTEGER NOT NULL,
    "refused" INTEGER NOT NULL,

    CONSTRAINT "webhook_minutes_pkey" PRIMARY KEY ("provider","minute")
);
