"""Command line: start servers and processes, inspect and change what they store."""
