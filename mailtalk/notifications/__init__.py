"""Who is mailed what and when: windows, recipients, frequency, and the mails made of them."""
