"""App styles: name, logo, colour, footer, link, texts and templates of an app's mails."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import quote

from jinja2 import Template

from mailtalk.errors import Invalid
from mailtalk.mail.composing import built_in, colours
from mailtalk.mail.composing.inline_css import inlined
from mailtalk.mail.composing.sandbox import TemplateRefused, compiled
from mailtalk.mail.composing.style_rules import CHECKS, HOLE
from mailtalk.mail.composing.texts import Language, language

log = logging.getLogger(__name__)

BUILT_IN: Mapping[str, str] = built_in.NOTIFICATION


@dataclass(frozen=True, eq=False)
class Style:
    """Style of an app; equal styles are one object, so that a style can be part of a cache key."""

    name: str | None = None
    logo: str | None = None
    colour: str = "#1f5fd6"
    footer: str = ""
    link: str | None = None
    privacy: bool = False
    locale: str | None = None
    time_zone: str | None = None
    texts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    templates: Mapping[str, str] = field(default_factory=dict)

    def speaks(self, locale: str | None, time_zone: str | None) -> Language:
        """Language for a reader, with the app's own texts if it has any."""
        return _with_own_words(self, language(locale or self.locale, time_zone or self.time_zone))

    def link_for(self, conversation_id: str, user_id: str) -> str | None:
        """URL of the conversation in the app for this reader, or None."""
        ids = {"conversationId": quote(conversation_id, safe=""), "userId": quote(user_id, safe="")}
        return None if self.link is None else HOLE.sub(lambda hole: ids[hole[1]], self.link)

    @cached_property
    def palette(self) -> Mapping[str, str]:
        """The colour's palette."""
        return colours.palette(self.colour)

    def template(self, name: str) -> Template | None:
        """Own template of the app, compiled; None if there is none or it fails."""
        return self._compiled.get(name)

    @cached_property
    def _compiled(self) -> Mapping[str, Template]:
        found = {name: _try(name, source) for name, source in self.templates.items()}
        return {name: template for name, template in found.items() if template is not None}


def of(raw: Mapping[str, Any]) -> Style:
    """Stored style of an app; an invalid one is logged and replaced by the default."""
    return _of(json.dumps(raw, sort_keys=True)) if raw else DEFAULT


def default(name: str) -> Template:
    """The built-in template."""
    return _BUILT_IN[name]


def read(raw: Mapping[str, Any]) -> Style:
    """Validate a style's values, except its templates; raises Invalid with every reason."""
    wrong = {key: ["is nothing that a style has"] for key in raw if key not in CHECKS}
    wrong |= {key: [reason] for key, check in CHECKS.items() if key in raw and (reason := check(raw[key]))}
    if wrong:
        raise Invalid(wrong)
    return Style(**raw)


def load(name: str, source: str) -> Template:
    """Compile a template with inlined CSS; raises TemplateRefused."""
    compiled(source, html=name == "html")  # first the original, so that line numbers are right
    return compiled(inlined(source), html=True) if name == "html" else compiled(source, html=False)


@lru_cache(maxsize=1024)
def _with_own_words(style: Style, found: Language) -> Language:
    own = style.texts.get(found.code)
    return replace(found, texts={**found.texts, **own}) if own else found


@lru_cache(maxsize=1024)
def _of(raw: str) -> Style:
    try:
        return read(json.loads(raw))
    except Invalid as error:
        log.warning("a style that was kept is not used: %s", error.reasons)
        return DEFAULT


def _try(name: str, source: str) -> Template | None:
    try:
        return load(name, source)
    except TemplateRefused as error:
        log.warning("the template %r of an app is not used: %s", name, error)
        return None


DEFAULT = Style()
_BUILT_IN = {name: load(name, source) for name, source in BUILT_IN.items()}
