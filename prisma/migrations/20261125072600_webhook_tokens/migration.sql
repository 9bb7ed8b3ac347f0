-- CreateTable
CREATE TABLE "webhook_tokens" (
    "provider" TEXT NOT NULL,
    "token" TEXT NOT NULL,
    "body_hash" TEXT NOT NULL,
    "seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "webhook_tokens_pkey" PRIMARY KEY ("provider","token")
);

-- CreateIndex
CREATE INDEX "webhook_tokens_seen_at_idx" ON "webhook_tokens"("seen_at");
