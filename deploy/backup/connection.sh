# Sourced by backup.sh and restore.sh: puts the parts of MAILTALK_DATABASE_URL into libpq's variables, so that no password
# stands on a command line, where every user of the machine could read it.
url=${MAILTALK_DATABASE_URL:-}
if [ -z "$url" ]; then
    url=$(cat "${MAILTALK_DATABASE_URL_FILE:?set MAILTALK_DATABASE_URL or MAILTALK_DATABASE_URL_FILE}")
fi
variables=$(MAILTALK_DATABASE_URL=$url python3 -c '
import os, shlex
from urllib.parse import parse_qsl, unquote, urlsplit

parts = urlsplit(os.environ["MAILTALK_DATABASE_URL"].strip())
values = {
    "HOST": parts.hostname, "PORT": parts.port, "USER": parts.username, "PASSWORD": parts.password,
    "DATABASE": parts.path.lstrip("/"),
} | {name.upper(): value for name, value in parse_qsl(parts.query)}
for name, value in values.items():
    if value:
        print(f"export PG{name}={shlex.quote(unquote(str(value)))}")
')
eval "$variables"
