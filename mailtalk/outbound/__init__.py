"""Outgoing mail: the queue of deliveries, relays and their replies, bounces, suppressions."""
