"""The isolated process that parses mail, and its protocol."""
