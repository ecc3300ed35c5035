"""Schemas of requests and answers: msgspec Structs, used to decode, encode and describe (`/docs`)."""
