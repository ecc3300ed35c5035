"""What is said of the operations that belong to no app."""

from api.openapi import answers
from api.openapi.entry import Entries, Entry

READY = {"status": "ready", "database": "ok", "worker": "ok", "broker": "ok"}

ENTRIES: Entries = {
    ("GET", "/healthz"): Entry(
        name="isAlive",
        tag="Operations",
        summary="Whether the process answers",
        answer=answers.Alive,
        example={"status": "ok"},
        is_open=True,
    ),
    ("GET", "/readyz"): Entry(
        name="isReady",
        tag="Operations",
        summary="Whether the whole can work",
        text="503 while the database is away or no worker's heartbeat is fresh; the broker may be away.",
        answer=answers.Readiness,
        example=READY,
        is_open=True,
    ),
    ("GET", "/openapi.json"): Entry(
        name="getDescription",
        tag="Operations",
        summary="This description, for programs",
        answer=answers.Described,
        example={"openapi": "3.1.0"},
        is_open=True,
    ),
    ("GET", "/docs"): Entry(
        name="getDocs",
        tag="Operations",
        summary="This description, for people",
        answer=str,
        example="<!doctype html>",
        media="text/html",
        is_open=True,
    ),
}
