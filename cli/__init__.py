"""The commands: they start servers and processes, and show what is there."""
