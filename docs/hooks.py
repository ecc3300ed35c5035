"""Hooks of the documentation site: adds the pages made from the code, and cuts links to files outside of docs/."""

import re
from typing import Any

import reference
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

_OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./)+(?!docs/)[^)]*\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add reference/NAME.md for each page of the reference."""
    for name, text in reference.PAGES.items():
        files.append(File.generated(config, f"reference/{name}.md", content=text()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Replace links to the source tree by their text: the site holds the documents alone."""
    depth = page.file.src_uri.count("/")
    return _OUTSIDE.sub(lambda link: link[0] if link[0].count("../") <= depth else link[1], markdown)
