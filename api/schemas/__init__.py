"""The shapes of requests and answers, as msgspec Structs: what is decoded, encoded and described at `/docs`."""
