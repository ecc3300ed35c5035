"""Support tools: the reasons why a participant was or was not mailed, and a preview of a mail."""
