"""Inbound mail: admitted, stored before the bridge's 250, processed to a named outcome."""
