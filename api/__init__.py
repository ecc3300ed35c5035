"""The HTTP API: TalkJS's wire contract, thin over the domain."""
