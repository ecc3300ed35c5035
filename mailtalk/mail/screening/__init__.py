"""Person or machine, and what a bounce reports. Pure."""
