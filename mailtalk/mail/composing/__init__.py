"""Outgoing mails as bytes: templates, styles, languages, headers, DKIM. Pure."""
