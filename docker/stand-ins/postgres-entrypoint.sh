#!/bin/sh
# What docker-compose.yml needs of the official image's entrypoint: a new cluster is made with POSTGRES_PASSWORD, and the scripts of
# /docker-entrypoint-initdb.d run once, while the server answers on its socket alone.
set -eu

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" /var/run/postgresql
  chown -R postgres: "$PGDATA" /var/run/postgresql
  exec setpriv --reuid=postgres --regid=postgres --init-groups sh "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  printf %s "$POSTGRES_PASSWORD" >/tmp/password
  initdb --username postgres --auth-local trust --auth-host scram-sha-256 --pwfile /tmp/password
  rm /tmp/password
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  pg_ctl --wait --options '-c listen_addresses=' start
  for script in /docker-entrypoint-initdb.d/*.sh; do sh "$script"; done
  pg_ctl --wait --mode fast stop
fi
exec "$@" -c listen_addresses='*'
