"""What tests of mails that go out begin with."""

import pytest
from asking import subscribe
from cast import Cast
from mailing import Post

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
