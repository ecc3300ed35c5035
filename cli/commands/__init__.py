"""The commands: one module for each command or group of commands, imported when it is used (cli/main.py)."""
