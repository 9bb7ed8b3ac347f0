-- CreateTable
CREATE TABLE "sendings" (
    "idempotency_key" TEXT NOT NULL,
    "fingerprint" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "email_id" TEXT,
    "lease_until" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "sendings_pkey" PRIMARY KEY ("idempotency_key")
);
