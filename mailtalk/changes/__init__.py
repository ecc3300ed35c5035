"""Participation changes: the log they are accepted into, and how they are applied in order."""
