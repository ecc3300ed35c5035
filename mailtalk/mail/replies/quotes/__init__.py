"""Quote detection: a one-letter code for each line, rules over the codes, and phrases per language as data."""
