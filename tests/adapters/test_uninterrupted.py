from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from cf_ai_platform_client.adapters import uninterrupted as module
from cf_ai_platform_client.adapters.uninterrupted import Stopped, uninterrupted

posix = pytest.mark.skipif(os.name != "posix", reason="there a signal is not sent to a thread")


def test_what_work_returns_or_raises() -> None:
    assert uninterrupted(lambda _: threading.current_thread() is threading.main_thread()) is False
    with pytest.raises(ZeroDivisionError):
        uninterrupted(lambda _: 1 // 0)


def until_stopped(check: Callable[[], None]) -> None:
    while True:
        check()


@posix
def test_an_interrupt_is_raised_once_the_work_has_ended() -> None:
    done: list[str] = []

    def work(check: Callable[[], None]) -> None:
        try:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            until_stopped(check)
        finally:
            done.append("undone")

    with pytest.raises(KeyboardInterrupt):
        uninterrupted(work)
    assert done == ["undone"]


@posix
def test_whoever_interrupts_again_waits_too() -> None:
    seen = [threading.Event(), threading.Event()]
    done: list[str] = []

    def interrupted(_: int, __: FrameType | None) -> None:
        next(each for each in seen if not each.is_set()).set()
        raise KeyboardInterrupt

    def work(check: Callable[[], None]) -> None:
        try:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            until_stopped(check)
        except Stopped:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            seen[1].wait()
            done.append("undone")
            raise

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        with pytest.raises(KeyboardInterrupt):
            uninterrupted(work)
    finally:
        signal.signal(signal.SIGINT, before)
    assert done == ["undone"]


def interrupted_at(step: int, work: Callable[[Callable[[], None]], object]) -> bool:
    """Interrupt the caller's own steps, the n-th of them; tell whether there were as many."""
    left = step

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        if frame.f_code.co_filename != module.__file__:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            left -= 1
            if left == 0:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        uninterrupted(work)
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
    return left <= 0


@pytest.mark.skipif(sys.version_info[:2] == (3, 12), reason="there a frame that is entered sends no opcodes")
def test_no_step_of_the_wait_is_one_at_which_work_is_left_behind() -> None:
    begun: list[int] = []
    ended: list[int] = []
    step = 1

    def work(_: Callable[[], None]) -> None:
        begun.append(step)
        ended.append(step)

    while interrupted_at(step, work):
        alive = [each for each in threading.enumerate() if each.name == "cf-ai-extract"]
        for each in alive:
            each.join()  # it only notes its end, or that it is not wanted
        assert begun == ended
        step += 1
    assert step > 50
    assert begun[-1] == step
