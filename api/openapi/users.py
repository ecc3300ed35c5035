"""What is said of users."""

from api import users
from api.openapi import answers
from api.openapi.entry import ID, PAGE, Entries, Entry

ALICE = {
    "id": "alice",
    "name": "Alice",
    "email": ["alice@example.com"],
    "phone": None,
    "photoUrl": "https://example.com/alice.jpg",
    "welcomeMessage": None,
    "locale": "en-GB",
    "timeZone": "Europe/London",
    "role": "buyer",
    "custom": {"plan": "gold"},
    "pushTokens": None,
    "createdAt": 1_700_000_000_000,
}

ENTRIES: Entries = {
    ("PUT", "/users"): Entry(
        name="putUsers",
        tag="Users",
        summary="Create or update up to 100 users",
        text="A map of ids to what a single PUT takes. All of them are written, or none.",
        body=dict[str, users.Put],
        beside={"propertyNames": ID, "minProperties": 1, "maxProperties": users.BATCH},
        needs_body=True,
        sent={"alice": {"name": "Alice", "email": "alice@example.com"}, "bob": {"name": "Bob"}},
    ),
    ("GET", "/users"): Entry(
        name="listUsers",
        tag="Users",
        summary="List users, newest first",
        query=PAGE,
        answer=answers.Users,
        example={"data": [ALICE]},
        missing=("USER_NOT_FOUND",),
    ),
    ("PUT", "/users/{userId}"): Entry(
        name="putUser",
        tag="Users",
        summary="Create or update a user",
        text="What is given is merged: null clears a field, and what is missing stays. `custom` merges key by key. "
        "`name` is required to create. All of a user's addresses get the mails, in the language of `locale` and with "
        "the times of `timeZone`, a name of the IANA's such as `Europe/Berlin`.",
        body=users.Put,
        sent={"name": "Alice", "email": ["alice@example.com"], "custom": {"plan": "gold"}},
    ),
    ("GET", "/users/{userId}"): Entry(
        name="getUser",
        tag="Users",
        summary="Get a user",
        answer=answers.User,
        example=ALICE,
        missing=("USER_NOT_FOUND",),
    ),
}
