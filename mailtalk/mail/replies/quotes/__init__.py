"""Parting an answer from what it answers: a letter for each line, rules over the letters, the words as data."""
