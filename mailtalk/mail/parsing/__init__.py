"""Parsing: bytes to headers, text, HTML and files, within limits. Pure."""
