"""What operators ask: why a participant was mailed or not, and how a mail would look."""
