-- In batches that each commit: a repeat that comes meanwhile waits for one of them at most. In the order of the key, as
-- events are inserted, so that neither waits for the other. One statement, or it could not commit.
DO $$
DECLARE
  after_provider text := '';
  after_id text := '';
BEGIN
  LOOP
    WITH batch AS (
      SELECT provider, event_id, received_at FROM events
      WHERE (provider, event_id) > (after_provider, after_id)
      ORDER BY provider, event_id LIMIT 5000
    ), filled AS (
      INSERT INTO event_identities AS kept (provider, event_id, received_at) SELECT * FROM batch
      -- A repeat that came before its batch was claimed with a later time than the event's own.
      ON CONFLICT (provider, event_id) DO UPDATE SET received_at = excluded.received_at
      WHERE kept.received_at <> excluded.received_at
    )
    SELECT provider, event_id INTO after_provider, after_id FROM batch ORDER BY provider DESC, event_id DESC LIMIT 1;
    EXIT WHEN NOT FOUND;
    COMMIT;
  END LOOP;
END $$;
