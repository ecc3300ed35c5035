"""The database: transactions, group commit, live workers, keys as array parameters."""
