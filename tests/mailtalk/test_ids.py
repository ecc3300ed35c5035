import re

import pytest

from mailtalk.ids import CHANGE, MAIL, new_message_id


def test_a_public_id_reads_back_as_the_number_that_it_shows() -> None:
    assert CHANGE.show(7) == "chg_7"
    assert CHANGE.read("chg_7") == 7
    assert MAIL.read(MAIL.show(10**18 - 1)) == 10**18 - 1


@pytest.mark.parametrize("text", ["", "7", "chg_", "mail_7", "chg_-7", "chg_7\n", "chg_٧", "chg_" + "9" * 19, "CHG_7"])
def test_any_other_text_is_no_id(text: str) -> None:
    assert CHANGE.read(text) is None


def test_the_pattern_of_an_id_is_that_of_json_schema() -> None:
    assert re.search(CHANGE.pattern, "chg_7")
    assert not re.search(CHANGE.pattern, "xchg_7")


def test_ids_of_messages_are_random() -> None:
    assert new_message_id().startswith("msg_")
    assert new_message_id() != new_message_id()
