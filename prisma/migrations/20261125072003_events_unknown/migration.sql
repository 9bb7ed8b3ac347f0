-- Types that Aftersend had no meaning for when this was written. A type that it has learnt since stays in the index, and
-- the list passes it over: a longer list of known types implies this shorter one.
CREATE INDEX CONCURRENTLY "events_unknown" ON "events" ("received_at")
  WHERE "type" <> ALL ('{queued,sending,sent,delivered,opened,clicked,bounced,complained,aftersend.registered}');
