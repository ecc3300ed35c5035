#!/bin/sh
# Back up Mailtalk's database into a directory, and keep the newest backups.
#
#   backup.sh DIRECTORY [NUMBER]     NUMBER of backups to keep, 14 by default
#
# Needs pg_dump of the server's version or newer, and MAILTALK_DATABASE_URL or MAILTALK_DATABASE_URL_FILE. The backup is
# consistent, and taken while everything runs. It holds no key: keep MAILTALK_SECRET_KEY somewhere else.
set -eu
umask 077

directory=${1:?"usage: backup.sh DIRECTORY [NUMBER]"}
number=${2:-14}
. "$(dirname "$0")/connection.sh"

mkdir -p "$directory"
name="$directory/mailtalk-$(date -u +%Y%m%dT%H%M%SZ).dump"
pg_dump --format=custom --no-owner --no-privileges --file="$name.part"
pg_restore --list "$name.part" >/dev/null  # it can be read
mv "$name.part" "$name"
echo "$name"

# The names sort by time; those beyond the newest go.
ls -r "$directory"/mailtalk-*.dump | tail -n +"$((number + 1))" | while read -r old; do rm -- "$old"; done
