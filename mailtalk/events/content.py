"""TalkJS's structured form of a message: blocks of text, files and locations, converted from and to our columns."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mailtalk import mentions

Json = dict[str, Any]
DEEPEST = 20  # nodes within nodes
_MARKS = {"bold": "*", "italic": "_", "strikethrough": "~"}
_TO_ESCAPE = re.compile(r"([\\|<>])")


def blocks(text: str, stored: Sequence[Json] | None, location: Sequence[float] | None) -> list[Json]:
    """Blocks of a message without its file: the text blocks as given, or built from the plain text."""
    made = list(stored or ([{"type": "text", "children": _nodes(text)}] if text.strip() else []))
    if location:
        made.append({"type": "location", "latitude": location[0], "longitude": location[1]})
    return made


def file_block(link: Mapping[str, Any], attachment: Mapping[str, Any]) -> Json:
    """Block of a file: its `url` and `size`; of a stored one also its name, and the token to send it again."""
    block = {"type": "file", **link}
    names = {"name": "filename", "fileId": "fileToken"}
    return block | {shown: attachment[name] for name, shown in names.items() if name in attachment}


def text_of(children: Iterable[Any], depth: int = 0) -> str:
    """Plain text of text nodes, with mentions as our markup. ValueError for an invalid node, or nesting too deep."""
    if depth > DEEPEST:
        raise ValueError("is nested too deep")
    return "".join(child if isinstance(child, str) else _text_of_node(child, depth) for child in children)


def _nodes(text: str) -> list[Any]:
    nodes: list[Any] = []
    end = 0
    for mention in mentions.find(text):
        name = mention.text.removeprefix("@")
        known: list[Any] = [{"type": "mention", "id": user_id, "text": name} for user_id in mention.user_ids]
        nodes += [text[end : mention.start], *(known or [mention.text])]
        end = mention.end
    return [node for node in (*nodes, text[end:]) if node]


def _text_of_node(node: Any, depth: int) -> str:
    if not isinstance(node, dict) or not isinstance(node.get("type"), str):
        raise ValueError("must hold strings and objects with a type")  # noqa: TRY004  a request's, not a program's
    kind, own = node["type"], node.get("text", "")
    inner = text_of(_children(node), depth + 1) or (own if isinstance(own, str) else "")
    if kind == "mention":
        return f"<!!mention:{_escaped(str(node.get('id', '')))}|{_escaped(inner)}>"
    if kind in {"link", "autoLink"}:
        url = str(node.get("url", ""))
        return url if inner in {"", url} else f"{inner} ({url})"
    if kind == "bulletPoint":
        return f"• {inner}\n"
    mark = "`" if kind == "codeSpan" else _MARKS.get(kind, "")
    return f"{mark}{inner}{mark}"


def _children(node: Json) -> list[Any]:
    children = node.get("children", [])
    if not isinstance(children, list):
        raise ValueError("has children that are no array")  # noqa: TRY004  a request's, not a program's
    return children


def _escaped(text: str) -> str:
    return _TO_ESCAPE.sub(r"\\\1", text)
