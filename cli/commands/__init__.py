"""Commands of click, loaded when they are called."""
