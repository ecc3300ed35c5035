"""Whatever is asked of participants, in whatever order: the API does as the model does."""

import secrets
from functools import partial
from typing import Any

import httpx
from crowds import members, state_of
from histories import send
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from model import NEW, OLD, Model, Operation
from support.cast import NAMES
from support.servers import Stack
from support.sql import rows

from mailtalk.keys import Keyring
from mailtalk.participation import addresses, links

LIMIT = 2
STATES = """SELECT user_id, present, access, notify, sees, view_seq,
    ARRAY(SELECT jsonb_object_keys(view->'participants')) AS company FROM participations
    WHERE app_id = :app AND conversation_id = :place"""
PARTICIPATION = """SELECT id FROM participations
    WHERE app_id = :app AND conversation_id = :place AND user_id = :user"""
NOTIFY = {"All": True, "Off": False, "MentionsOnly": "MentionsOnly"}

users = st.sampled_from(NAMES)
notifies = st.sampled_from([True, False, "MentionsOnly"])
put = st.fixed_dictionaries({}, optional={"notify": notifies, "access": st.sampled_from(["ReadWrite", "Read"])})
patch = st.fixed_dictionaries(
    {}, optional={"notify": notifies, "access": st.sampled_from(["ReadWrite", "Read", "None", "None"])}
)
asked = st.one_of(
    st.builds(Operation, st.just("PUT"), users, put),
    st.builds(Operation, st.just("PATCH"), users, patch),
    st.builds(Operation, st.just("DELETE"), users),
)
single = st.one_of(
    asked,
    st.builds(Operation, st.sampled_from(["ADD", "ROTATE"]), users),
    st.builds(partial(Operation, version=OLD), st.just("DELETE"), users),
)


class Participants(RuleBasedStateMachine):
    """One conversation of the running stack, and its model."""

    def __init__(self, stack: Stack, http: httpx.Client, app_id: str) -> None:
        super().__init__()
        self.stack, self.http, self.app_id = stack, http, app_id
        self.place = secrets.token_hex(8)
        self.http.put(f"/conversations/{self.place}")
        self.model = Model(LIMIT, NAMES)
        self.addresses: dict[tuple[str, int], str] = {}  # by user, and how often the user's address had died
        self.keyring = Keyring.from_setting(stack.settings.require("secret_key"))

    @rule(operation=single)
    def ask(self, operation: Operation) -> None:
        assert send(self.http, self.place, operation).status_code == self.model.do(operation)

    @rule(operations=st.lists(asked, min_size=2, max_size=6))
    def ask_in_bulk(self, operations: list[Operation]) -> None:
        actions = [
            {"id": i, "method": each.method, "params": {"userId": each.user, **each.body}}
            for i, each in enumerate(operations)
        ]
        headers = {"TalkJS-REST-Version": NEW}
        answer = self.http.post(f"/conversations/{self.place}/participants", json={"actions": actions}, headers=headers)
        expected = [{"id": i, "status": self.model.do(each)} for i, each in enumerate(operations)]
        got = [{"id": each["id"], "status": each["status"]} for each in answer.json()["responses"]]
        assert got == expected

    @rule(user=users, notify=notifies)
    def choose(self, user: str, notify: bool | str) -> None:
        if self.model.people[user].active:
            (row,) = rows(self.stack.database, PARTICIPATION, user=user, **self._where)
            form = {"notify": {True: "all", False: "off", "MentionsOnly": "mentions"}[notify]}
            page = f"{self.stack.api}/settings/{links.token(self.keyring, row.id)}"
            assert httpx.post(page, data=form, timeout=60).status_code == 303
            self.model.choose(user, notify)

    @rule()
    def write(self) -> None:
        body = [{"type": "SystemMessage", "text": "Something happened"}]
        assert self.http.post(f"/conversations/{self.place}/messages", json=body).status_code == 200
        self.model.messages += 1

    @rule(user=users)
    def ask_for_the_address(self, user: str) -> None:
        answer = self.http.get(f"/conversations/{self.place}/participants/{user}/email")
        person = self.model.people[user]
        assert answer.status_code == (200 if person.access == "ReadWrite" else 404)
        if answer.status_code == 200:
            address = answer.json()["emailAddress"]
            assert self.addresses.setdefault((user, person.ends), address) == address

    @invariant()
    def the_api_shows_what_the_model_has(self) -> None:
        assert members(self.http, self.place) == state_of(self.model)

    @invariant()
    def each_may_see_what_the_model_lets_see(self) -> None:
        found = {row.user_id: _seen(row) for row in rows(self.stack.database, STATES, **self._where)}
        people = self.model.people.items()
        assert found == {
            user: (each.access, each.notify, each.sees, each.seen_until, each.seen_with or frozenset())
            if each.access
            else ("", found[user][1], each.sees, each.seen_until, each.seen_with or frozenset())
            for user, each in people
            if user in found
        }
        assert all(user in found for user, each in people if each.access or each.ends)

    @invariant()
    def only_the_newest_address_of_who_may_write_lives(self) -> None:
        with self.stack.database.transaction() as session:
            for (user, ends), address in self.addresses.items():
                person = self.model.people[user]
                lives = addresses.find(session, self.keyring, address.partition("@")[0]) is not None
                assert lives == (person.access == "ReadWrite" and person.ends == ends)

    def teardown(self) -> None:
        assert len(set(self.addresses.values())) == len(self.addresses)

    @property
    def _where(self) -> dict[str, str]:
        return {"app": self.app_id, "place": self.place}


def _seen(row: Any) -> tuple[str, object, str, int | None, frozenset[str]]:
    access = row.access if row.present else ""
    return access, NOTIFY[row.notify], row.sees, row.view_seq, frozenset(row.company)


def test_participants_do_as_the_model_does(stack: Stack) -> None:
    cast = stack.introduce()
    rows(stack.database, "UPDATE apps SET participant_limit = :limit WHERE id = :app", limit=LIMIT, app=cast.app_id)
    with stack.client(cast) as http:
        run_state_machine_as_test(
            partial(Participants, stack, http, cast.app_id),
            settings=settings(
                max_examples=8,
                stateful_step_count=20,
                deadline=None,
                phases=(Phase.generate,),  # to make a failure shorter would take the running stack for minutes
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            ),
        )
