-- The pairs of several objects: of several values of one key the smallest, of more than 50 keys the smallest, so that neither order nor
-- repeats matter. Null if there are none.
CREATE FUNCTION "merged_metadata"(maps jsonb[]) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT jsonb_object_agg(key, value) FROM (
    SELECT key COLLATE "C" AS key, min(value COLLATE "C") AS value FROM unnest(maps) AS map, jsonb_each_text(map)
    GROUP BY 1 ORDER BY 1 LIMIT 50
  ) AS pairs
$$;
