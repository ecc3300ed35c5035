"""Events recorded in the transaction that made them true, and their payloads."""
