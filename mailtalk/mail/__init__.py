"""Email as data, without I/O: parsing, classification, reply extraction, composing, and the isolated reader process."""
