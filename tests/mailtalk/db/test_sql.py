import pytest

from mailtalk.db import sql


def test_enums_and_fragments_stand_where_their_names_stood() -> None:
    made = sql.fragment("x = $Access.NONE AND $barred AND y = :now", barred="z IS NULL")
    assert made == "x = 'None' AND z IS NULL AND y = :now"


@pytest.mark.parametrize("source", ["$unknown", "$Access.NOTHING"])
def test_a_placeholder_without_a_value_is_an_error(source: str) -> None:
    with pytest.raises(KeyError):
        sql.statement(source)
