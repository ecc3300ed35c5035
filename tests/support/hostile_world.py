"""An app in which every text that somebody may choose is an attack: of the 207 in data/hostile_texts.txt each once."""

import email.policy
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formataddr
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from support.cast import Cast
from support.sql import rows

from mailtalk import sealed_mail
from mailtalk.inbound.receive import RAW_SEAL
from mailtalk.keys import Keyring
from mailtalk.outbound.deliveries import seal_name

TEXTS = (Path(__file__).parents[1] / "data/hostile_texts.txt").read_text("utf-8").splitlines()
EVERY = range(len(TEXTS))
EACH = "FROM unnest(CAST(:texts AS text[])) WITH ORDINALITY AS t (x, n)"
HALVES = "CASE WHEN n <= 100 THEN 'hall-1' ELSE 'hall-2' END"
MANY_IN_ONE = 26  # texts in the headers of one mail

WORLD = (
    "UPDATE apps SET name = array_to_string(CAST(:texts AS text[]), ' ') WHERE id = :app",
    f"""INSERT INTO users (app_id, id, name, emails, custom, role)
        SELECT :app, 'u' || n, x, ARRAY[x], jsonb_build_object('x', x), x {EACH}""",
    f"""INSERT INTO conversations (app_id, id, subject, custom)
        SELECT :app, x, x, jsonb_build_object('x', x) {EACH} UNION ALL
        SELECT :app, i, array_to_string(CAST(:texts AS text[]), ' '), '{{}}'
        FROM unnest(CAST('{{hall-1,hall-2}}' AS text[])) i""",  # noqa: S608  ours
    f"""INSERT INTO participations (app_id, conversation_id, user_id, present, access, notify, joined_at)
        SELECT :app, {HALVES}, 'u' || n, true, 'ReadWrite', 'All', now() {EACH}""",
    f"""INSERT INTO messages (app_id, conversation_id, seq, id, type, sender_id, text, origin, created_at, elided,
            attachment, location, custom)
        SELECT :app, {HALVES}, n, 'm' || n, 'UserMessage', 'u' || n, x, 'email', now(), x,
            jsonb_build_object('url', x, 'name', x, 'size', n), jsonb_build_array(x, x), jsonb_build_object('x', x)
        {EACH}""",
    """UPDATE conversations SET last_seq = 1000, last_message_at = now() WHERE app_id = :app AND id LIKE 'hall-%'""",
    f"""INSERT INTO changes (app_id, conversation_id, user_id, kind, status, error_code, requested_by, requested_at)
        SELECT :app, x, x, 'join', 'rejected', x, x, now() {EACH} UNION ALL
        SELECT :app, 'hall-1', 'u1', 'join', 'rejected', x, x, now() {EACH}""",
    f"""INSERT INTO suppressions (app_id, address, reason, status, scored_at, until)
        SELECT :app, x, 'dead', x, now(), now() + interval '1 day' {EACH}""",
    f"""INSERT INTO audit_entries (at, actor, role, client, action, app_id, target)
        SELECT now(), x, x, x, x, :app, jsonb_build_object(x, x) {EACH}""",
    f"""INSERT INTO webhooks (app_id, id, url, secret_sealed, secret_since, created_at, reason, status, failing_since)
        SELECT :app, x, x, '', now(), now(), x, 'paused', now() {EACH}""",
    f"""WITH happened AS (
            INSERT INTO events (app_id, type, conversation_id, data, created_at, told_at)
            SELECT :app, x, x, '{{}}', now(), now() {EACH} RETURNING id, type)
        INSERT INTO webhook_deliveries (app_id, webhook_id, event_id, lane, stage, status, reply, created_at, ended_at)
        SELECT :app, :first, id, type, 'failed', 500, type, now(), now() FROM happened""",  # noqa: S608  ours
    f"""INSERT INTO workers (name, started_at, beat_at, relays)
        SELECT x, now(), now(),
            jsonb_build_array(jsonb_build_object('name', x, 'state', 'open', 'pause', 1, 'reason', x)) {EACH}""",
)
LETTER = """INSERT INTO deliveries (app_id, id, conversation_id, user_id, address, message_id, body_sealed, stage,
        attempts, reply, tries, not_before, created_at, ended_at)
    VALUES (:app, :id, 'hall-1', 'u1', :x, :x, :sealed, :stage, 1, :x,
        jsonb_build_array(jsonb_build_object('at', now(), 'stage', CAST(:stage AS text), 'relay', CAST(:x AS text),
            'reply', CAST(:x AS text))), now(), now(), now())"""
MAIL = """WITH raw AS (
        INSERT INTO raw_mails (sealed, mail_from, client_ip, helo, received_at) VALUES (:sealed, :x, :x, :x, now())
        RETURNING id)
    INSERT INTO inbound_mails (app_id, conversation_id, user_id, raw_id, purpose, outcome, verdict, reason, flag,
        evidence, size, received_at, processed_at)
    SELECT :app, 'hall-1', 'u1', id, 'reply', :outcome, 'sender', :x, :x, jsonb_build_object(CAST(:x AS text),
        CAST(:x AS text)), 1, now(), now() FROM raw RETURNING id"""


@dataclass(frozen=True)
class HostileWorld:
    """The app, and the ids of its mails that came in and went out: one for each attack, in their order."""

    cast: Cast
    mails: Sequence[int]
    letters: Sequence[UUID]

    @classmethod
    def fill(cls, cast: Cast, keyring: Keyring) -> "HostileWorld":
        """Put every text into every column that a page shows."""
        for statement in WORLD:
            values = {"app": cast.app_id, "texts": TEXTS, "first": TEXTS[0]}
            rows(cast.database, statement, **{name: value for name, value in values.items() if f":{name}" in statement})
        letters = [uuid4() for _ in TEXTS]
        with cast.database.engine.begin() as connection:
            for number, letter in enumerate(letters):
                connection.execute(text(LETTER), _letter(cast, keyring, number, letter))
            mails = [connection.execute(text(MAIL), _values(cast, keyring, number)).scalar_one() for number in EVERY]
        return cls(cast, mails, letters)

    def paths(self, step: int) -> list[str]:
        """Paths of the mails of both directions, each `step`th."""
        app = f"/console/apps/{self.cast.app_id}/mails"
        ways = [*(f"{app}/in/{each}" for each in self.mails[::step])]
        return [*ways, *(f"{app}/out/{each}" for each in self.letters[::step])]


def _values(cast: Cast, keyring: Keyring, number: int) -> dict[str, Any]:
    sealed = sealed_mail.seal(keyring, _mail(number), RAW_SEAL)
    outcome = "quarantined" if number % 2 else "failed"
    return {"app": cast.app_id, "x": TEXTS[number], "sealed": sealed, "outcome": outcome}


def _letter(cast: Cast, keyring: Keyring, number: int, letter: UUID) -> dict[str, Any]:
    sealed = sealed_mail.seal(keyring, _mail(number), seal_name(letter))
    stage = "captured" if number % 2 else "failed"
    return {"app": cast.app_id, "id": letter, "x": TEXTS[number], "sealed": sealed, "stage": stage}


def _mail(number: int) -> bytes:
    texts = TEXTS[number : number + MANY_IN_ONE]
    mail = EmailMessage(email.policy.SMTP)
    mail["From"], mail["Subject"] = formataddr((" ".join(texts), "x@example.com")), " ".join(texts)
    mail["To"], mail["X-Test"] = "y@example.com", " ".join(texts)
    mail.set_content("\n".join(texts))
    mail.add_alternative(TEXTS[number], subtype="html")
    for name in texts:
        mail.add_attachment(b"x", maintype="application", subtype="octet-stream", filename=name)
    return mail.as_bytes()
