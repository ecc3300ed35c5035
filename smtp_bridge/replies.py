"""Every reply we give, with its enhanced code (RFC 3463). Trouble of ours is 4xx, so that the sender tries again."""

OK_RECIPIENT = "250 2.1.5 OK"
OK_KEPT = "250 2.0.0 OK: kept"
NO_MAILBOX = "550 5.1.1 No such mailbox here"  # the same for unknown, left, read-only, revoked and never issued
TOO_MANY_RECIPIENTS = "452 4.5.3 Too many recipients"  # RFC 5321 4.5.3.1.10
TROUBLE = "451 4.3.0 Temporary trouble here, please try again later"
