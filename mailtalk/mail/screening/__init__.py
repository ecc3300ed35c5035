"""Classification: person or machine, and the failures that a bounce reports. Pure."""
