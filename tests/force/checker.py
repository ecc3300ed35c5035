"""A checker of what clients were told against what is there: a plain model, and none of the product's own rules."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from email import message_from_bytes
from email.message import Message

import httpx
from crowds import members, state_of
from histories import Violation, check, log
from model import Model
from support.sql import column, rows

from clients import History
from mailtalk import sealed_mail
from mailtalk.db.database import Database
from mailtalk.keys import Keyring

SAID = "SELECT sender_id, text FROM messages WHERE app_id = :app AND conversation_id = :id ORDER BY seq"

# Messages that mails which came are about: of more than fifty a mail shows the newest, and counts the others.
ABOUT = """
    SELECT m.text FROM deliveries d JOIN messages m ON m.app_id = d.app_id AND m.conversation_id = d.conversation_id
        AND d.seqs @> m.seq
    WHERE d.user_id = :reader AND d.message_id = ANY(CAST(:ids AS text[]))"""


@dataclass
class Verdict:
    """How often each promise was broken; `repeats` are counted mails in doubt, which are none."""

    lost: int = 0
    doubled: int = 0
    misordered: int = 0
    over_the_limit: int = 0
    mails_lost: int = 0
    mails_doubled: int = 0
    repeats: int = 0

    @property
    def broken(self) -> int:
        """Number of broken promises."""
        return sum(asdict(self).values()) - self.repeats

    def __str__(self) -> str:
        return " ".join(f"{name.replace('_', '-')}={value}" for name, value in asdict(self).items())


def changes(http: httpx.Client, history: History, limit: int, users: Sequence[str], verdict: Verdict) -> list[str]:
    """I1, I3, I4, I9: the log's order explains all that was answered, and the participants are what it leads to."""
    found = []
    for conversation, calls in history.changes.items():
        model = Model(limit, users)
        try:
            check(calls, log(http, conversation), model)
        except Violation as violation:
            verdict.misordered += 1
            found.append(f"{conversation}: {violation}")
            continue
        there = members(http, conversation)
        verdict.over_the_limit += len(there) > limit
        if there != state_of(model):
            verdict.lost += 1
            found.append(f"{conversation}: {there} and not {state_of(model)}")
    return found


def messages(database: Database, app: str, history: History, verdict: Verdict) -> list[str]:
    """I1, I4, I5: all that was acknowledged is a message, once, and each author's in the order of their answers."""
    found = []
    for (conversation, author), texts in history.texts.items():
        there = [row.text for row in rows(database, SAID, app=app, id=conversation) if row.sender_id == author]
        verdict.lost += len(set(texts) - set(there))
        verdict.doubled += len(there) - len(set(there))
        known = [text for text in dict.fromkeys(there) if text in set(texts)]
        verdict.misordered += known != [text for text in texts if text in set(there)]
        if there != texts:
            found.append(f"{conversation} of {author}: {len(there)} messages, {len(texts)} acknowledged")
    return found


def raw_mails(database: Database, keyring: Keyring, history: History, verdict: Verdict) -> list[str]:
    """I2: the bytes of every mail that was answered 250 are there, and no others."""
    sealed = column(database, "SELECT sealed FROM raw_mails")
    kept = {sealed_mail.unseal(keyring, bytes(each), "raw-mail") for each in sealed}
    verdict.lost += len(set(history.mails) - kept)
    return [f"{len(kept)} mails are kept, {len(history.mails)} acknowledged"] if kept != set(history.mails) else []


def mails(
    database: Database, sent: Sequence[tuple[str, bytes]], history: History, reader: str, verdict: Verdict
) -> list[str]:
    """I6: every message is in one mail to a reader who does not write; a mail comes again only if that was counted."""
    copies: Mapping[str, list[bytes]] = defaultdict(list)
    for _, raw in sent:
        copies[str(message_from_bytes(raw)["Message-ID"])].append(raw)
    told: Counter[str] = Counter()
    for recipient, raw in {(recipient, raw) for recipient, raw in sent}:
        if recipient == f"{reader}@example.com":
            told.update(set(_words(message_from_bytes(raw))))
    about = column(database, ABOUT, reader=reader, ids=list(copies))
    wanted = {text for texts in history.texts.values() for text in texts}
    unknowns = {row.message_id: row.unknowns for row in rows(database, "SELECT message_id, unknowns FROM deliveries")}
    untold = wanted - set(told) - set(about)
    verdict.mails_lost += len(untold)
    verdict.mails_doubled += sum(told[text] > 1 for text in wanted)
    verdict.mails_doubled += sum(len(same) > 1 + unknowns[name] or len(set(same)) > 1 for name, same in copies.items())
    verdict.repeats += sum(len(same) - 1 for same in copies.values())
    return [f"not mailed: {text}" for text in sorted(untold)][:5]


def _words(mail: Message) -> list[str]:
    part = next(each for each in mail.walk() if each.get_content_type() == "text/plain")
    return bytes(part.get_payload(decode=True)).decode().split()
