"""Reply extraction: what a person wrote in a mail, without the quoted rest. Pure."""
