"""What no schema can say of a request that is right: it depends on what is already there."""
