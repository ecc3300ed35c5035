"""The pages behind the links in our mails: no login, no script, and a GET changes nothing."""
