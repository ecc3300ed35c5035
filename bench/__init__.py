"""Benchmarks: Mailtalk's processes beside honest peers, in alternating rounds; `make bench` (docs/performance.md)."""
