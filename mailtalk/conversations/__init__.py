"""Apps, users, conversations and messages: what backend services put in and read back."""
