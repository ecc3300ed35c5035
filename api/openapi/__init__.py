"""The API's description: an OpenAPI 3.1 document and a page for people, both from one table of entries."""
