ALTER TABLE "sendings" ADD COLUMN "external_id" TEXT;
