"""Pages that the links in our mails lead to: no login, no script, and a GET changes nothing."""
