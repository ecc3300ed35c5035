"""Participation changes: the log in which they are accepted, and their application in order."""
