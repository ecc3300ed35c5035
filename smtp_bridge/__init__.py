"""The SMTP bridge: mail to inbound addresses comes in here."""
