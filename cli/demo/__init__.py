"""`mailtalk demo`: a believable set of apps, conversations and mails to look at in the console."""
