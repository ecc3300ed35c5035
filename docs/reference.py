"""Reference pages of the documentation site, made from the code: operations, settings, command line, events, errors."""

import json
from collections.abc import Callable, Iterator

import click

from api.app import OPERATIONS
from api.openapi.document import document
from api.openapi.events import EVENTS
from api.wire import Json
from cli.main import main
from mailtalk.settings.doors import Edge, HttpEdge, Imap, Ingress, Rates
from mailtalk.settings.load import PREFIX, SECRETS, Settings
from mailtalk.settings.sections import Console, Inbound, Observation, Outgoing, Retention, Webhooks

SECTIONS = {
    "What all processes share": Settings,
    "The HTTP API": HttpEdge,
    "The SMTP bridge": Edge,
    "Inbound mail": Inbound,
    "Providers that post mail": Ingress,
    "Mail from IMAP folders": Imap,
    "Outgoing mail": Outgoing,
    "Retention": Retention,
    "Webhooks": Webhooks,
    "Rate limits": Rates,
    "Logs and metrics": Observation,
    "The console": Console,
}


def operations() -> str:
    """Page of the operations, each with a link to its description in the running API."""
    tags = dict.fromkeys(operation.tag for operation in OPERATIONS)
    lines = [
        "# HTTP API",
        "",
        "The running API describes each operation, with a form to try it: [/docs/api](/docs/api).",
    ]
    lines += ["For programs there is [/openapi.json](/openapi.json)."]
    for tag in tags:
        lines += ["", f"## {tag}", "", "| Request | Does |", "|---|---|"]
        lines += [_operation(method, path, each) for method, path, each in _described() if tag in each["tags"]]
    return "\n".join(lines)


def _described() -> Iterator[tuple[str, str, Json]]:
    for path, methods in document(OPERATIONS)["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _operation(method: str, path: str, operation: Json) -> str:
    return f"| `{method} {path}` | [{operation['summary']}](/docs/api#{operation['operationId']}) |"


def settings() -> str:
    """Page of the settings, by section."""
    lines = ["# Settings", "", "All are environment variables. Secrets can also come from a file named by `…_FILE`."]
    for title, section in SECTIONS.items():
        own = [name for name in section.model_fields if section is not Settings or _is_shared(name)]
        lines += ["", f"## {title}", "", "| Setting | Default | Meaning |", "|---|---|---|"]
        lines += [_setting(name) for name in own]
    return "\n".join(lines)


def _is_shared(name: str) -> bool:
    return not any(name in section.model_fields for section in SECTIONS.values() if section is not Settings)


def _setting(name: str) -> str:
    field = Settings.model_fields[name]
    default = "" if field.default is None else f"`{field.default}`"
    return f"| `{PREFIX}{name.upper()}` | {default} | {field.description}{' Secret.' if name in SECRETS else ''} |"


def command_line() -> str:
    """Page of all commands, each with its help."""
    return "\n".join(["# Command line", "", *_command(main, click.Context(main, info_name="mailtalk"))])


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    yield from (f"## {context.command_path}", "", "```text", command.get_help(context), "```", "")
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from _command(inner, click.Context(inner, info_name=name, parent=context))


def events() -> str:
    """Page of the events, each with an example of its `data`."""
    lines = [
        "# Events",
        "",
        "What webhooks are sent, in `data`. [Webhooks](../webhooks.md) explains delivery and signatures.",
    ]
    for kind, (summary, example) in EVENTS.items():
        lines += ["", f"## {kind}", "", summary, "", "```json", _pretty(example), "```"]
    return "\n".join(lines)


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def errors() -> str:
    """Page of the API's errors: status, code, meaning and an example of its reasons."""
    lines = ["# Errors", "", "Every error has an `errorCode` for programs and `reasons` for people.", ""]
    lines += ["| Status | `errorCode` | Meaning | Example of `reasons` |", "|---|---|---|---|"]
    return "\n".join(lines + sorted(set(_errors())))


def _errors() -> Iterator[str]:
    described = document(OPERATIONS)
    for methods in described["paths"].values():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                if status.startswith(("4", "5")):
                    yield from _error(status, _target(response, described))


def _target(response: Json, described: Json) -> Json:
    name = response.get("$ref", "").rpartition("/")[2]
    target: Json = described["components"]["responses"][name] if name else response
    return target


def _error(status: str, response: Json) -> Iterator[str]:
    for code, example in response["content"]["application/json"].get("examples", {}).items():
        reasons = json.dumps(example["value"]["reasons"], ensure_ascii=False).replace("|", "\\|")
        yield f"| {status} | `{code}` | {response['description']} | `{reasons}` |"


PAGES: dict[str, Callable[[], str]] = {
    "api": operations,
    "settings": settings,
    "cli": command_line,
    "events": events,
    "errors": errors,
}
