"""Settings: every MAILTALK_* variable, and explanations of wrong values."""
