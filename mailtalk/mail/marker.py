"""The line and the HTML class that our mails carry, so that we find our own text again in an answer."""

MARKERS: tuple[str, ...] = ("--- Write your reply above this line ---",)
"""Every marker line that a mail of ours ever carried; the first is the current one, none is ever removed."""

QUOTE_CLASS = "mailtalk-quote"
"""The class of the element around the HTML part's body; Gmail puts m_<digits> before it in its quotes."""
