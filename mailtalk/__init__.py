"""Mailtalk's domain: conversations that people take part in from their inbox. No server, queue or web framework in here."""
