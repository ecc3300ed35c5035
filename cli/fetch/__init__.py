"""Fetching mail from IMAP folders: a thread for each folder, which waits there for new mails."""
