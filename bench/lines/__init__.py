"""The benchmarks: one module for each subject, which starts both sides."""

from collections.abc import Sequence

from bench.lines import accept, changes, inbound, latency, outbound, replies, rest, webhooks
from bench.measure import Benchmark

BENCHMARKS: Sequence[Benchmark] = (
    *accept.BENCHMARKS,
    *inbound.BENCHMARKS,
    *latency.BENCHMARKS,
    *outbound.BENCHMARKS,
    *changes.BENCHMARKS,
    *webhooks.BENCHMARKS,
    *replies.BENCHMARKS,
    *rest.BENCHMARKS,
)
