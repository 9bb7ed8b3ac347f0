-- The domain that vouches for the mail which brought the report.
ALTER TABLE "dmarc_reports" ADD COLUMN "authenticated_as" TEXT;
