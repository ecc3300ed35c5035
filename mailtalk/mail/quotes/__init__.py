"""Parting an answer from what it answers: one letter per line, rules over the letters, words of 27 languages as data."""
