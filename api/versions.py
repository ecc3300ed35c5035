"""Versions of the wire contract: one table of their differences."""

from dataclasses import dataclass

HEADER = "TalkJS-REST-Version"


@dataclass(frozen=True, slots=True)
class Version:
    """A version's rules, as TalkJS defines them: https://talkjs.com/docs/Reference/REST_API/Versioning/."""

    name: str
    leave_keeps_view: bool  # after DELETE participant the conversation stays in the user's list, readable up to then
    knows_none: bool  # access "None" may be set
    orders: bool  # lists of conversations can be ordered; if False, by createdAt, newest first
    has_topic: bool  # a conversation's topicId is its id; if False, null
    lists_unknown_user: bool  # the list of an unknown user's conversations is empty, not 404


VERSIONS = {
    version.name: version
    for version in (
        Version(
            "2021-01-01",
            leave_keeps_view=True,
            knows_none=False,
            orders=False,
            has_topic=False,
            lists_unknown_user=True,
        ),
        Version(
            "2021-02-09", leave_keeps_view=True, knows_none=False, orders=True, has_topic=False, lists_unknown_user=True
        ),
        Version(
            "2021-07-30", leave_keeps_view=False, knows_none=True, orders=True, has_topic=False, lists_unknown_user=True
        ),
        Version(
            "2024-01-01", leave_keeps_view=False, knows_none=True, orders=True, has_topic=True, lists_unknown_user=False
        ),
    )
}
