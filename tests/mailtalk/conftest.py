"""What tests of mails that go out begin with."""

import pytest
from support.cast import Cast
from support.outbox import Post
from support.sql import subscribe

from mailtalk.keys import Keyring


@pytest.fixture
def post(cast: Cast, keyring: Keyring) -> Post:
    """One mail to Bob is queued."""
    cast.join("alice", "bob")
    subscribe(cast.database)
    post = Post(cast, keyring)
    post.say("alice", "hi")
    assert post.mailed(30) == ["bob"]
    return post
