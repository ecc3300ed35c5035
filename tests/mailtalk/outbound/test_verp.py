"""VERP: an envelope sender leads to its delivery, and nobody else can make one."""

import re
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from mailtalk.keys import Keyring
from mailtalk.mail import address
from mailtalk.outbound import verp

KEYRING = Keyring.from_setting("k" * 32)
ANY = st.uuids()


@given(ANY)
def test_it_leads_back_and_mail_systems_may_fold_it(delivery: UUID) -> None:
    local = verp.local_part(KEYRING, delivery)
    assert re.fullmatch(r"b[a-z2-7]{39}", local)
    assert verp.delivery(KEYRING, local) == delivery
    assert verp.delivery(KEYRING, address.split(f"{local.upper()}@X")[0]) == delivery


@given(ANY, st.integers(0, 39), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_whatever_is_changed_was_never_signed(delivery: UUID, at: int, other: str) -> None:
    local = verp.local_part(KEYRING, delivery)
    changed = local[:at] + other + local[at + 1 :]
    assert (verp.delivery(KEYRING, changed) is None) == (changed != local)


@given(st.text(max_size=60))
def test_junk_is_refused(local: str) -> None:
    assert verp.delivery(KEYRING, local) is None
    assert verp.delivery(KEYRING, "b" + local[:39].ljust(39, "ü")) is None


def test_an_old_key_is_known_a_removed_one_is_not() -> None:
    delivery = uuid4()
    local = verp.local_part(KEYRING, delivery)
    assert verp.delivery(Keyring.from_setting(f"{'n' * 32},{'k' * 32}"), local) == delivery
    assert verp.delivery(Keyring.from_setting("n" * 32), local) is None


def test_it_is_hidden_where_an_inbound_address_is() -> None:
    local = verp.local_part(KEYRING, uuid4())
    assert address.hidden(f"550 <{local}@reply.example> no") == "550 <(hidden)@reply.example> no"
