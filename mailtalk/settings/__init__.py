"""Settings: every MAILTALK_* variable and what is wrong with a value."""
