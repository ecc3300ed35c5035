"""Apps, users, conversations and messages, as backends write and read them."""
