"""The database: the only commit, group commit, live workers, keys as arrays."""
