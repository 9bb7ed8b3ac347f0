-- The ledger of erasures: who was erased, as a keyed hash, and when. Exported, it says whom to erase again in a restored database.
CREATE TABLE "erasures" (
  "key" TEXT NOT NULL,
  -- Empty: of all.
  "project" TEXT NOT NULL DEFAULT '',
  "erased_at" TIMESTAMPTZ(3) NOT NULL,
  "searched_through" TIMESTAMPTZ(3),
  CONSTRAINT "erasures_pkey" PRIMARY KEY ("key", "project")
);
