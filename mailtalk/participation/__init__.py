"""Participation: the rules of joining and leaving, the notify rule, inbound addresses, settings links."""
