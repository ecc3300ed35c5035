"""Classification: person or machine, and what a bounce reports. Pure."""
