-- Sessions of people at the dashboard. Only a digest of the cookie's token is stored: a token has 256 random bits.
CREATE TABLE "sessions" (
  "id" TEXT NOT NULL,
  "digest" TEXT NOT NULL,
  "name" TEXT NOT NULL,
  -- Null: all.
  "project" TEXT,
  "key_id" TEXT,
  "role" TEXT,
  "client" TEXT NOT NULL,
  "user_agent" TEXT NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "last_seen_at" TIMESTAMPTZ(3) NOT NULL,
  "revoked_at" TIMESTAMPTZ(3),
  "revoked_by" TEXT,
  CONSTRAINT "sessions_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "sessions_digest_key" ON "sessions" ("digest");
