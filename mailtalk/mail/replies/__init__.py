"""Reply extraction: the text that a person wrote in a mail, without the quoted rest. Pure."""
