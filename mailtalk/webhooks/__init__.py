"""Webhooks: endpoints of an app, the events queued for each of them, signed HTTP requests, retries and the log."""
