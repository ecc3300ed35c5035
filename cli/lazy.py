"""Lazy click group: commands are imported when used; the group's help needs none of them."""

import gc
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

Lazy = Mapping[str, tuple[str, str]]


class LazyGroup(click.Group):
    """Group with a table: each command's name, module, and line in the group's help.

    The module holds the command under its own name. (click's documentation, "Complex Applications".)
    """

    def __init__(self, *args: Any, lazy: Lazy, **options: Any) -> None:
        super().__init__(*args, **options)
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's
        """List the names of all commands."""
        return sorted(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's
        """Import a command."""
        return _load(self.lazy[cmd_name][0], cmd_name) if cmd_name in self.lazy else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands' lines from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.lazy[name][1]) for name in self.list_commands(ctx)])


def _load(module: str, name: str) -> click.Command:
    if module not in sys.modules:
        _import(module)
    command: click.Command = getattr(sys.modules[module], name)
    return command


def _import(module: str) -> None:
    """Import without garbage collection: code is never garbage, and scanning it takes a sixth of the start."""
    gc.disable()
    import_module(module)
    gc.freeze()
    gc.enable()
