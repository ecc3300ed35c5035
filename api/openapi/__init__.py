"""API description: an OpenAPI 3.1 document and an HTML page, both made from the operations."""
