"""What each version of the wire contract changes, in one table."""

from dataclasses import dataclass

HEADER = "TalkJS-REST-Version"


@dataclass(frozen=True, slots=True)
class Version:
    """One version; the rules are TalkJS's, https://talkjs.com/docs/Reference/REST_API/Versioning/."""

    name: str
    leave_keeps_view: bool  # DELETE participant leaves the conversation in the user's list, readable until then
    knows_none: bool  # access "None" may be set
    orders: bool  # lists of conversations may be ordered; before, they are by createdAt, newest first
    has_topic: bool  # a conversation's topicId is its id, else null
    lists_unknown_user: bool  # the conversations of a user we don't know are an empty list, not 404


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
