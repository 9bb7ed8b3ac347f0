-- Critical emails that bounced or were complained about: each must have an escalation.
CREATE INDEX CONCURRENTLY "emails_urgent" ON "emails" (greatest("bounced_at", "complained_at"), "id", "provider") WHERE "priority" = 'critical' AND ("bounce_class" = 'hard' OR "complained_at" IS NOT NULL);
