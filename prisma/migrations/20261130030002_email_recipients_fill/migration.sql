-- Rows for the emails of before, ten thousand at a time, each batch committed: about ten seconds for a million emails, and no
-- statement waits for it.
DO $$
DECLARE
  place record;
  last_id text := '';
  last_provider text := '';
BEGIN
  LOOP
    WITH page AS (
      SELECT id, provider, recipients, created_at FROM emails WHERE (id, provider) > (last_id, last_provider)
      ORDER BY id, provider LIMIT 10000
    ), added AS (
      INSERT INTO email_recipients (provider, email_id, key, address, domain, created_at)
      SELECT DISTINCT provider, id, recipient_key(provider, id, named), named, split_part(named, '@', 2), created_at
      FROM page, unnest(recipients) AS named WHERE named LIKE '%@%'
      ON CONFLICT DO NOTHING
    )
    SELECT id, provider INTO place FROM page ORDER BY id DESC, provider DESC LIMIT 1;
    EXIT WHEN NOT FOUND;
    last_id := place.id;
    last_provider := place.provider;
    COMMIT;
  END LOOP;
END $$;
