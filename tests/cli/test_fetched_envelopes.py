"""Whom a mail in a mailbox was delivered to: by what the last server added, else by what the sender wrote."""

import pytest

from cli.fetch import envelope

OURS = "replies+token@example.com"


@pytest.mark.parametrize(
    ("top", "added"),
    [
        (f"X-Original-To: {OURS}\r\nDelivered-To: catchall@example.com\r\n", [OURS, "catchall@example.com"]),
        (f"Delivered-To: <{OURS}>\r\n", [OURS]),
        (f"Return-path: <x@y.example>\r\nEnvelope-to: {OURS}, a@b.example\r\n", [OURS, "a@b.example"]),
        (f"DELIVERED-TO:\r\n {OURS}\r\n", [OURS]),
        ("", []),
    ],
)
def test_the_fields_above_the_first_received_are_the_servers(top: str, added: list[str]) -> None:
    found = envelope.read(f"{top}Received: by mx\r\nDelivered-To: forged@example.com\r\nTo: x@y.example\r\n".encode())
    assert (found.added, found.written) == (added, ["x@y.example"])


@pytest.mark.parametrize(
    ("head", "sender"),
    [
        ("Return-Path: <bob@example.com>\r\nFrom: x@y.example\r\n", "bob@example.com"),
        ("Received: by mx\r\nReturn-Path: <>\r\nFrom: x@y.example\r\n", ""),
        ("From: Bob <bob@example.com>\r\n", "bob@example.com"),
        ("From:\r\n", ""),
    ],
)
def test_the_sender_is_the_return_path_else_the_author(head: str, sender: str) -> None:
    assert envelope.read(head.encode()).mail_from == sender


def test_nothing_hostile_is_an_error() -> None:
    for header in (b"", b"\x00\xff:\xff", b"To", b":" * 100, b"To: " + b"a@b.example," * 500, b"\r\n \r\n"):
        assert len(envelope.read(header).written) <= 1
