"""`mailtalk participants import`: parse a CSV file, put its rows into the log of changes, report the result."""
