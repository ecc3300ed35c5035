"""What a person wrote in a mail, without what they quoted. Pure."""
