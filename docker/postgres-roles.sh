#!/bin/sh
# The roles and the database of Aftersend, and a role for Temporal, which makes its own databases. Neither can read what the other keeps.
# Run once by the PostgreSQL image, on an empty volume, and by hand after an upgrade that says so (docs/upgrading.md). What is there
# already is kept; tables that `aftersend` owns get the new owner.
#
#   aftersend_owner    owns the database and its tables; only `migrate` logs in with it
#   aftersend_runtime  a group: the rights on rows, which the migrations grant (src/db/runtime-rights.ts)
#   aftersend_project  a group: connections take it to see the rows of one project (src/db/project-rows.ts)
#   aftersend          the login of api and worker; owns nothing
set -eu

psql --set ON_ERROR_STOP=1 --no-psqlrc --quiet --username "${POSTGRES_USER:-postgres}" --dbname postgres \
  --set own="$DATABASE_PASSWORD" --set owners="$DATABASE_OWNER_PASSWORD" --set temporals="$TEMPORAL_DATABASE_PASSWORD" <<'SQL'
SELECT format('CREATE ROLE %I', name) FROM unnest(ARRAY['aftersend_owner', 'aftersend_runtime', 'aftersend_project', 'aftersend', 'temporal']) AS name
WHERE to_regrole(name) IS NULL \gexec
ALTER ROLE aftersend_owner LOGIN PASSWORD :'owners';
ALTER ROLE aftersend LOGIN PASSWORD :'own';
ALTER ROLE temporal LOGIN CREATEDB PASSWORD :'temporals';
GRANT aftersend_project TO aftersend_runtime;
GRANT aftersend_runtime TO aftersend;
SELECT 'CREATE DATABASE aftersend OWNER aftersend_owner' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'aftersend') \gexec
REVOKE ALL ON DATABASE aftersend FROM PUBLIC;
GRANT CONNECT ON DATABASE aftersend TO aftersend_runtime;
\connect aftersend
-- Where tables are in use: stop api and worker, and run this again.
SET lock_timeout = '10s';
REASSIGN OWNED BY aftersend TO aftersend_owner;
-- Without a password the superuser can only come in by the socket inside the container.
ALTER ROLE CURRENT_USER PASSWORD NULL;
SQL
