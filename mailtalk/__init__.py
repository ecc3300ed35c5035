"""Mailtalk's domain: no server, queue or web framework in here."""
