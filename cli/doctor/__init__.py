"""Checks of `mailtalk doctor`: one module for each part of the world that Mailtalk depends on."""
