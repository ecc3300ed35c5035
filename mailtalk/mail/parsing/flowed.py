"""Decoding of format=flowed text (RFC 3676): joins soft-broken lines at their quoting depth."""

_SIGNATURE = "-- "


def unflow(text: str, *, delete_space: bool) -> str:
    r"""Join the soft-broken lines of a text with \n line ends; `delete_space` is DelSp=yes."""
    paragraphs: list[list[str]] = []
    open_depth = -1  # the depth of the line that the next one may continue
    for line in text.split("\n"):
        depth, content = _unquoted(line)
        if depth != open_depth or content == _SIGNATURE:
            paragraphs.append([_prefix(depth)])
        flows = content.endswith(" ") and content != _SIGNATURE
        paragraphs[-1].append(content[:-1] if flows and delete_space else content)
        open_depth = depth if flows else -1
    return "\n".join("".join(pieces) for pieces in paragraphs)


def _unquoted(line: str) -> tuple[int, str]:
    """The quoting depth (4.5), and the line without its stuffed space (4.4)."""
    content = line.lstrip(">")
    return len(line) - len(content), content.removeprefix(" ")


def _prefix(depth: int) -> str:
    return ">" * depth + " " if depth else ""
