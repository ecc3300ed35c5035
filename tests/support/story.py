"""The loop's story, told step by step: whatever happens between two steps, it must end the same."""

from collections import defaultdict
from collections.abc import Iterator
from email.message import EmailMessage

from support.clients import Backend, Json, Post
from support.mailboxes import Mail, Mailboxes
from support.product import Stack, until

PEOPLE = ("alice", "bob", "carol", "dave", "erin")
HELLO = "/conversations/hello"
QUESTION = "Shall we meet at the observatory?"
ANSWER = "Yes, at nine by the telescope."
MENTION = "<!!mention:carol|Carol>, will you bring the blankets?"
LAST = "The blankets are packed."


class Story:
    """Alice, Bob, Carol and Dave talk about an evening; Erin writes elsewhere, to show that nothing else comes."""

    def __init__(self, stack: Stack, mailboxes: Mailboxes) -> None:
        self.backend, self.post, self._mailboxes = Backend(stack), Post(stack), mailboxes
        self._others = 0

    def tell(self) -> Iterator[str]:
        """Live through one step after the other; gives the name of each that is done."""
        yield self._introduce()
        yield self._join()
        yield self._say("alice", QUESTION)
        yield self._bob_alone_is_mailed()
        yield self._bob_replies()
        yield self._his_reply_is_a_message()
        yield self._say("alice", MENTION)
        yield self._carol_is_mailed_too()
        yield self._bob_leaves()
        yield self._alice_unsubscribes()
        yield self._say("carol", LAST)
        self._nobody_else_is_mailed()

    def mails(self, reader: str, subject: str = "Stars") -> list[Mail]:
        """Give the mails a reader got in a conversation, in order; a repeat must be the same to the last byte."""
        found: dict[str, Mail] = {}
        for mail in self._mailboxes.mails():
            if mail.reader == f"{reader}@example.com" and mail.header("Subject") == subject:
                first = found.setdefault(mail.header("Message-ID"), mail)
                assert mail.raw == first.raw
        return list(found.values())

    def _introduce(self) -> str:
        for name in PEOPLE:
            self.backend.put(f"/users/{name}", {"name": name.title(), "email": f"{name}@example.com"})
        self.backend.put(HELLO, {"subject": "Stars"})
        return "introduced"

    def _join(self) -> str:
        for name, notify in (("alice", True), ("bob", True), ("carol", "MentionsOnly"), ("dave", False)):
            self.backend.put(f"{HELLO}/participants/{name}", {"notify": notify})
        assert self.backend.get(HELLO)["participants"] == {
            "alice": {"access": "ReadWrite", "notify": True},
            "bob": {"access": "ReadWrite", "notify": True},
            "carol": {"access": "ReadWrite", "notify": "MentionsOnly"},
            "dave": {"access": "ReadWrite", "notify": False},
        }
        return "joined"

    def _say(self, name: str, text: str) -> str:
        self.backend.post(f"{HELLO}/messages", [{"type": "UserMessage", "sender": name, "text": text}])
        return f"{name} wrote"

    def _bob_alone_is_mailed(self) -> str:
        mail = self._await_mail("bob", QUESTION)
        self._nothing_else_is_on_its_way()
        assert self._mailed() == {"bob": 1}
        assert mail.header("To") == "Bob <bob@example.com>"
        assert mail.header("From").startswith("Alice via Demo <")
        assert mail.header("Auto-Submitted") == "auto-generated"
        return "bob was mailed"

    def _bob_replies(self) -> str:
        mail = self.mails("bob")[0]
        self.post.deliver("bob@example.com", mail.reply_to, answer(mail, ANSWER))
        return "bob replied"

    def _his_reply_is_a_message(self) -> str:
        until("bob's reply is a message", lambda: len(self.messages()) == 2)
        said = {each: self.messages()[0][each] for each in ("senderId", "text", "origin")}
        assert said == {"senderId": "bob", "text": ANSWER, "origin": "email"}
        lines = self._await_mail("alice", ANSWER).text.splitlines()
        assert [line.partition(" · ")[0] for line in lines if QUESTION in line] == ["You wrote"]  # what Bob answered
        return "bob's reply was read"

    def _carol_is_mailed_too(self) -> str:
        assert "@Carol, will you" in self._await_mail("carol", "will you bring").text
        second, first = self._await_mail("bob", "will you bring"), self.mails("bob")[0]
        assert second.header("In-Reply-To") == answer(first, ANSWER)["Message-ID"]  # what Bob himself wrote last
        assert first.header("Message-ID") in second.header("References").split()
        assert first.header("References").split()[0] == second.header("References").split()[0]
        assert second.reply_to == first.reply_to
        return "carol was mailed"

    def _bob_leaves(self) -> str:
        address = self.mails("bob")[0].reply_to
        assert self.post.recipient(address).startswith("250 ")
        self.backend.delete(f"{HELLO}/participants/bob")
        assert self.post.recipient(address) == "550 5.1.1 No such mailbox here"
        assert self.post.recipient(f"nobody@{address.partition('@')[2]}") == self.post.recipient(address)
        return "bob left"

    def _alice_unsubscribes(self) -> str:
        mail = self.mails("alice")[0]
        self.post.deliver("alice@example.com", mail.unsubscribe, answer(mail, "unsubscribe"))
        until("alice gets no more mails", lambda: self.backend.get(f"{HELLO}/participants/alice")["notify"] is False)
        return "alice unsubscribed"

    def _nobody_else_is_mailed(self) -> None:
        self._nothing_else_is_on_its_way()
        assert self._mailed() == {"alice": 1, "bob": 2, "carol": 1}
        texts = [(each["senderId"], each["text"]) for each in reversed(self.messages())]
        assert texts == [("alice", QUESTION), ("bob", ANSWER), ("alice", MENTION), ("carol", LAST)]

    def messages(self) -> list[Json]:
        """Give the conversation's messages, newest first."""
        found: list[Json] = self.backend.get(f"{HELLO}/messages")["data"]
        return found

    def _mailed(self) -> dict[str, int]:
        counts: dict[str, int] = defaultdict(int)
        for name in PEOPLE:
            counts[name] += len(self.mails(name))
        return {name: count for name, count in counts.items() if count}

    def _await_mail(self, reader: str, text: str, subject: str = "Stars") -> Mail:
        """Wait until a reader has a mail that holds this text."""

        def seen() -> Mail | None:
            return next((mail for mail in self.mails(reader, subject) if text in mail.text), None)

        def look() -> Mail | None:
            self._mailboxes.look()
            return seen()

        return seen() or until(f"{reader} is mailed {text!r}", look)

    def _nothing_else_is_on_its_way(self) -> None:
        """Let a later message be mailed to everybody: what was due before it has been mailed by then."""
        self._others += 1
        subject, place = f"Elsewhere {self._others}", f"/conversations/elsewhere-{self._others}"
        self.backend.put(place, {"subject": subject, "participants": list(PEOPLE)})
        message = {"type": "UserMessage", "sender": "erin", "text": "A later message"}
        self.backend.post(f"{place}/messages", [message])
        for name in PEOPLE[:-1]:
            self._await_mail(name, "A later message", subject)


def answer(mail: Mail, text: str) -> EmailMessage:
    """Write what a mail client makes of an answer: the words, and below them all that was quoted."""
    reply = EmailMessage()
    reply["From"] = mail.header("To")
    reply["To"] = mail.reply_to
    reply["Subject"] = f"Re: {mail.header('Subject')}"
    reply["Message-ID"] = f"<re.{mail.header('Message-ID').strip('<>')}>"
    reply["In-Reply-To"] = mail.header("Message-ID")
    quoted = "".join(f"> {line}\n" for line in mail.text.splitlines())
    reply.set_content(f"{text}\n\nOn Sunday, {mail.header('From')} wrote:\n{quoted}")
    return reply
