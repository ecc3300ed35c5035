"""Commands: a module per command or group, imported when used (see cli/main.py)."""
