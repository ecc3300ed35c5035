"""Notifications: windows, recipients, frequency, and the mails made from them."""
