#!/bin/sh
# Run once by the PostgreSQL image, on an empty volume: a role and a database for Aftersend, and a role for Temporal, which
# makes its own databases. Neither can read what the other keeps.
set -eu

psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --set own="$DATABASE_PASSWORD" --set temporals="$TEMPORAL_DATABASE_PASSWORD" <<'SQL'
CREATE ROLE aftersend LOGIN PASSWORD :'own';
CREATE DATABASE aftersend OWNER aftersend;
REVOKE CONNECT ON DATABASE aftersend FROM PUBLIC;
CREATE ROLE temporal LOGIN CREATEDB PASSWORD :'temporals';
-- Without a password the superuser can only come in by the socket inside the container.
ALTER ROLE CURRENT_USER PASSWORD NULL;
SQL
