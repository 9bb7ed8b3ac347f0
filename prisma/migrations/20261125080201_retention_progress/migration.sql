-- CreateTable
CREATE TABLE "retention_progress" (
    "what" TEXT NOT NULL,
    "through" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "retention_progress_pkey" PRIMARY KEY ("what")
);
