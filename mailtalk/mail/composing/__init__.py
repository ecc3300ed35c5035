"""The mails we send, as bytes: templates, style, headers, languages, DKIM. Pure."""
