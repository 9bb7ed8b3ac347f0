-- DMARC aggregate reports. A repeat of a report has the same key.
CREATE TABLE "dmarc_reports" (
  "id" BIGINT GENERATED ALWAYS AS IDENTITY,
  "project" TEXT NOT NULL,
  "organization" TEXT NOT NULL,
  "report_id" TEXT NOT NULL,
  "domain" TEXT NOT NULL,
  "begins_at" TIMESTAMPTZ(3) NOT NULL,
  "ends_at" TIMESTAMPTZ(3) NOT NULL,
  "day" DATE NOT NULL,
  "policy" JSONB NOT NULL,
  "received_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "dmarc_reports_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "dmarc_reports_project_organization_report_id_domain_key"
  ON "dmarc_reports" ("project", "organization", "report_id", "domain");
CREATE INDEX "dmarc_reports_domain_day_idx" ON "dmarc_reports" ("domain", "day");
CREATE INDEX "dmarc_reports_received_at_idx" ON "dmarc_reports" ("received_at");

-- Their rows: messages of one source with the same results. Project, domain and day are those of the report.
CREATE TABLE "dmarc_records" (
  "dmarc_report_id" BIGINT NOT NULL,
  "position" INTEGER NOT NULL,
  "project" TEXT NOT NULL,
  "domain" TEXT NOT NULL,
  "day" DATE NOT NULL,
  "source_ip" INET NOT NULL,
  "messages" BIGINT NOT NULL,
  "disposition" TEXT,
  "is_dkim_aligned" BOOLEAN NOT NULL,
  "is_spf_aligned" BOOLEAN NOT NULL,
  "overrides" TEXT[] NOT NULL,
  "header_from" TEXT NOT NULL,
  "envelope_from" TEXT,
  "auth_results" JSONB NOT NULL,
  CONSTRAINT "dmarc_records_pkey" PRIMARY KEY ("dmarc_report_id", "position")
);
CREATE INDEX "dmarc_records_domain_day_idx" ON "dmarc_records" ("domain", "day");
ALTER TABLE "dmarc_records" ADD CONSTRAINT "dmarc_records_dmarc_report_id_fkey"
  FOREIGN KEY ("dmarc_report_id") REFERENCES "dmarc_reports" ("id") ON DELETE CASCADE ON UPDATE CASCADE;
