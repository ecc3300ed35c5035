"""Events, recorded in the transaction of their cause, and their payloads."""
