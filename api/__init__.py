"""HTTP API: TalkJS's wire contract, a thin layer over the domain."""
