"""Sandboxed templates: a subset of Jinja without calls or assignments, with limits on steps and output."""

import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Template, TemplateSyntaxError, nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup, escape

from mailtalk.mail.composing import catalogues

SOURCE_LIMIT = 64_000  # characters of a template
OUTPUT_LIMIT = 1_000_000  # characters of a template's output
STEPS = 50_000  # steps of all its loops together
DEEPEST = 40  # nodes within nodes
_TAB = '<span style="white-space:pre;mso-tab-count:1">\t</span>'
_STEPS = "_steps"
_NODES = frozenset(
    [
        *("Template", "Output", "TemplateData", "Name", "Const", "Getattr", "Getitem", "If", "For", "Filter", "Test"),
        *("Compare", "Operand", "And", "Or", "Not", "CondExpr", "Concat", "Tuple", "List"),
    ]
)
_FILTERS = (
    *("escape", "e", "default", "d", "upper", "lower", "title", "capitalize", "trim", "length", "count", "first"),
    *("last", "truncate", "urlencode"),
)
_TESTS = ("defined", "undefined", "none", "odd", "even", "divisibleby", "string", "number")


class TemplateRefused(Exception):
    """Template that is invalid, uses something forbidden, or exceeds a limit; the text names the line if known."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason if line is None else f"line {line}: {reason}")


@dataclass(eq=False, slots=True)
class Budget:
    """Remaining loop steps of one rendering."""

    steps: int = STEPS


def compiled(source: str, *, html: bool) -> Template:
    """Compile a template; raises TemplateRefused."""
    if len(source) > SOURCE_LIMIT:
        raise TemplateRefused(f"longer than {SOURCE_LIMIT} characters")
    env = _ENVIRONMENTS[html]
    try:
        tree = env.parse(source)
        _check(tree)
        return Template.from_code(env, env.compile(tree), dict(env.globals))
    except TemplateSyntaxError as error:
        raise TemplateRefused(error.message or "it is no template", error.lineno) from None
    except RecursionError:
        raise TemplateRefused("nested too deeply") from None


def rendered(template: Template, values: Mapping[str, Any]) -> str:
    """Render a template; raises TemplateRefused if it fails or exceeds a limit."""
    try:
        return "".join(_within(OUTPUT_LIMIT, template.generate(**values, _budget=Budget())))
    except TemplateRefused:
        raise
    except Exception as error:  # noqa: BLE001  any error on our values is the template's fault
        raise TemplateRefused(str(error) or type(error).__name__, _line(error)) from None


def _within(limit: int, pieces: Iterable[str]) -> Iterator[str]:
    for piece in pieces:
        limit -= len(piece)
        if limit < 0:
            raise TemplateRefused(f"gives more than {OUTPUT_LIMIT} characters")
        yield piece


def lines(text: str) -> Markup:
    """Escape text for HTML and keep its line ends and indentation, also in clients without white-space support."""
    shown = str(escape(text)).replace("  ", " &nbsp;")
    shown = shown.replace("\t", _TAB)
    return Markup(shown.replace("\n ", "\n&nbsp;").replace("\n", "<br>\n"))  # noqa: S704  escaped above


@pass_context
def _counted(context: Context, items: Iterable[Any]) -> Iterator[Any]:
    """Yield a loop's items while steps are left."""
    budget: Budget = context["_budget"]
    for item in items:
        budget.steps -= 1
        if budget.steps < 0:
            raise TemplateRefused(f"loops more than {STEPS} times")
        yield item


def _check(tree: nodes.Template) -> None:
    """Refuse every node that is not allowed, and count the steps of every loop."""
    waiting: list[tuple[nodes.Node, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        _allow(node, depth)
        waiting += [(child, depth + 1) for child in node.iter_child_nodes()]
        if isinstance(node, nodes.For):
            node.iter = nodes.Filter(node.iter, _STEPS, [], [], None, None, lineno=node.lineno)


def _allow(node: nodes.Node, depth: int) -> None:
    kind = type(node).__name__
    if depth > DEEPEST:
        raise TemplateRefused("nested too deeply", node.lineno)
    if kind not in _NODES or (isinstance(node, nodes.For) and node.recursive):
        raise TemplateRefused(f"{kind.lower()} is not for mail templates", node.lineno)
    if isinstance(node, nodes.Filter | nodes.Test) and (node.dyn_args or node.dyn_kwargs):
        raise TemplateRefused("* and ** are not for mail templates", node.lineno)
    if isinstance(node, nodes.Filter) and node.name == _STEPS:
        raise TemplateRefused(f"no filter named {_STEPS!r}", node.lineno)


def _line(error: BaseException) -> int | None:
    frames = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    return frames[-1] if frames else None


def _environment(*, html: bool) -> SandboxedEnvironment:
    env = SandboxedEnvironment(autoescape=html, **catalogues.JINJA)
    env.globals.clear()
    env.filters = {name: env.filters[name] for name in _FILTERS} | {"lines": lines, _STEPS: _counted}
    env.tests = {name: env.tests[name] for name in _TESTS}
    return env


_ENVIRONMENTS = {html: _environment(html=html) for html in (False, True)}
