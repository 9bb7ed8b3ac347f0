-- CreateTable
CREATE TABLE "erasure_keys" (
    "fingerprint" TEXT NOT NULL,
    "first_used_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "erasure_keys_pkey" PRIMARY KEY ("fingerprint")
);
