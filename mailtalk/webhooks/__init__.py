"""Webhooks: who is told of an app's events, in which order, how they know that it was us, and what became of it."""
