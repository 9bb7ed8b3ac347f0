-- Nothing here looks at a row: both are changes of the catalogue.
ALTER TABLE "emails" ADD COLUMN "erased_at" TIMESTAMPTZ(3);
ALTER TABLE "events" ALTER COLUMN "payload" DROP NOT NULL;
