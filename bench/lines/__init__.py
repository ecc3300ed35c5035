"""The benchmarks: one module for each subject, which starts both sides."""

from collections.abc import Sequence

from bench.lines import accept, inbound, outbound
from bench.measure import Benchmark

BENCHMARKS: Sequence[Benchmark] = (*accept.BENCHMARKS, *inbound.BENCHMARKS, *outbound.BENCHMARKS)
