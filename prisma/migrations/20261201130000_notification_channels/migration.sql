-- What a channel has of a notice besides its acceptance: see the model in schema.prisma.
ALTER TABLE "notifications"
  ADD COLUMN "is_skipped" BOOLEAN NOT NULL DEFAULT false,
  ADD COLUMN "reference" TEXT,
  ADD COLUMN "shown_version" INTEGER,
  ADD COLUMN "held_until" TIMESTAMPTZ(3),
  ADD COLUMN "digest" TEXT;
