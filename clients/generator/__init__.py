"""Generator of the clients' typed parts from the API's document: `python -m clients.generator`."""
