#!/bin/sh
# Restore a backup into an empty database, and upgrade its tables.
#
#   restore.sh FILE.dump
#
# Needs pg_restore, mailtalk, and MAILTALK_DATABASE_URL or MAILTALK_DATABASE_URL_FILE of the new database. Stop all
# processes first. Nothing is half restored: it is one transaction.
set -eu

file=${1:?"usage: restore.sh FILE.dump"}
. "$(dirname "$0")/connection.sh"

tables=$(psql --no-psqlrc --tuples-only --no-align --command "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
if [ "$tables" -ne 0 ]; then
    echo "the database is not empty: restore into a new one" >&2
    exit 1
fi
pg_restore --exit-on-error --single-transaction --no-owner --no-privileges --dbname="$PGDATABASE" "$file"
mailtalk migrate

cat <<'TEXT'
Restored. What was sent after the backup waits in it as if it had not been sent. So:

1. Start all processes with MAILTALK_HOLD_OUTGOING=true: mails and webhooks are made, and none is sent.
2. mailtalk deliveries list --stage queued --stage deferred --stage unknown
   mailtalk deliveries cancel --since TIME --stage queued     what went out between the backup and the loss
3. Unset MAILTALK_HOLD_OUTGOING, and start the workers again.
TEXT
