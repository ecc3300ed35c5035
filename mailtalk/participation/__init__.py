"""Who takes part in a conversation and how they are notified: rules, addresses, settings links."""
