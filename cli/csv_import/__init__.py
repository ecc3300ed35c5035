"""`mailtalk participants import`: a CSV file read, its rows taken into the log of changes, and the report."""
