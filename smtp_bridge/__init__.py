"""SMTP bridge: the process that receives mail to inbound addresses."""
