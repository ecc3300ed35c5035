"""`mailtalk up`: embedded servers and the processes of one machine."""
