"""A job that runs in one thread at a time, and once more for all calls that came meanwhile."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from worker.single_run import SingleRun


def test_calls_while_it_runs_return_at_once_and_are_one_more_run() -> None:
    began, go_on, runs = threading.Event(), threading.Event(), []

    def job() -> None:
        runs.append(threading.get_ident())
        began.set()
        assert go_on.wait(30)

    run = SingleRun(job)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(run)
        assert began.wait(30)
        for _ in range(10):
            run()
        go_on.set()
        first.result(30)
    assert len(runs) == 2
    assert set(runs) != {threading.get_ident()}


def test_after_an_error_it_runs_again() -> None:
    runs: list[int] = []

    def job() -> None:
        runs.append(1)
        if len(runs) == 1:
            raise RuntimeError

    run = SingleRun(job)
    with pytest.raises(RuntimeError):
        run()
    run()
    assert len(runs) == 2
