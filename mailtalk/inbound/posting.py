"""Replies: what a person wrote in a mail becomes messages: the words, and the files that came with them."""

from collections.abc import Iterator

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk import files
from mailtalk.conversations import messages
from mailtalk.inbound.context import Case, Judgement
from mailtalk.mail.composing import headers
from mailtalk.models import InboundMail
from mailtalk.outbound import suppressions
from mailtalk.participation.notify import TAKES_PART
from mailtalk.vocabulary import MessageType, Origin, Outcome, Verdict

CUT = "text-cut"  # a text longer than a message may be: the rest is in what was cut


def says_something(case: Case) -> bool:
    """Whether there is a line that is neither blank nor a quote of somebody else's."""
    return any(line.strip() and not line.lstrip().startswith(">") for line in case.words.text.splitlines())


def post(case: Case) -> Judgement:
    """Post it in the locked conversation; the row remembers the first message."""
    if case.conversation is None:
        raise LookupError("the conversation is not locked")
    posted = messages.post(case.session, case.now, case.desk.pace, case.conversation, list(_drafts(case)))
    for message, file in zip(posted, case.files, strict=False):
        files.keep(case.session, case.desk.keyring, message, file)
    case.row.posted_as = posted[0].id
    if len(case.words.text) > messages.TEXT_LIMIT:
        case.row.flag = CUT
    author = case.reading.from_addresses[0]
    suppressions.release_own(case.session, case.row.app_id or "", case.row.user_id or "", author)
    return Judgement(Outcome.POSTED, Verdict.PERSON, case.words.method)


def _drafts(case: Case) -> Iterator[messages.Draft]:
    """A message of the words with the first file, and one for each other file: a message has one at most."""
    came, author = case.files, case.row.user_id
    said = case.words.text[: messages.TEXT_LIMIT] if says_something(case) else came[0].name
    yield messages.Draft(
        MessageType.USER,
        said,
        Origin.EMAIL,
        sender_id=author,
        elided=_elided(case)[: messages.TEXT_LIMIT] or None,
        names=_named(case.session, case.row, said) if "@" in said else {},
        attachment=files.reference(came[0]) if came else None,
        mail_id=headers.message_id(case.row.message_id),
    )
    for file in came[1 : files.MOST]:
        yield messages.Draft(
            MessageType.USER, file.name, Origin.EMAIL, sender_id=author, attachment=files.reference(file)
        )


def _elided(case: Case) -> str:
    """What was cut, the end of a text that is too long, and the names of the files that are too many."""
    rest = case.words.text[messages.TEXT_LIMIT :]
    beyond = ", ".join(file.name for file in case.files[files.MOST :])
    return "\n".join(filter(None, (beyond and f"[not kept: {beyond}]", rest, case.words.elided)))


def _named(session: Session, row: InboundMail, said: str) -> dict[str, str]:
    """The participants whose names stand in the text behind an @, as lower-case name to id."""
    rows = session.execute(
        text(f"""
        SELECT lower(u.name) AS name, u.id FROM participations p
        JOIN users u ON u.app_id = p.app_id AND u.id = p.user_id
        WHERE p.app_id = :app AND p.conversation_id = :conversation AND {TAKES_PART}
            AND position('@' || lower(u.name) IN lower(:said)) > 0"""),  # noqa: S608  ours
        {"app": row.app_id, "conversation": row.conversation_id, "said": said},
    )
    return {found.name: found.id for found in rows}
