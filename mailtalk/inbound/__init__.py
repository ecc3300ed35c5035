"""Inbound mail: admitted, kept before its 250, processed to a named outcome."""
