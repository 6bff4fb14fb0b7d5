"""Processor time and memory of a tree of processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from abreast.bench.cpu import CpuMeter, tree_cpu_s, tree_memory_bytes

_BURN = "import time; end = time.process_time() + 0.2\nwhile time.process_time() < end: pass"


def test_work_in_this_process_counts() -> None:
    before_s = tree_cpu_s([os.getpid()])
    end_s = time.process_time() + 0.1
    while time.process_time() < end_s:
        pass

    assert tree_cpu_s([os.getpid()]) - before_s == pytest.approx(0.1, abs=0.05)


def test_work_of_less_than_a_clock_tick_counts() -> None:
    before_s = tree_cpu_s([os.getpid()])
    end_s = time.process_time() + 0.001
    while time.process_time() < end_s:
        pass

    assert tree_cpu_s([os.getpid()]) - before_s >= 0.001


def test_a_child_counts_while_it_lives_and_after_it_was_waited_for() -> None:
    before_s = tree_cpu_s([os.getpid()])
    child = subprocess.Popen([sys.executable, "-S", "-c", f"{_BURN}\nprint('done', flush=True); input()"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    with child:
        assert child.stdout is not None
        child.stdout.readline()
        alive_s = tree_cpu_s([os.getpid()]) - before_s
        child.communicate(b"\n")
    ended_s = tree_cpu_s([os.getpid()]) - before_s

    assert alive_s >= 0.19
    assert ended_s >= alive_s - 0.02


def test_processes_named_twice_count_once() -> None:
    own = os.getpid()

    assert tree_memory_bytes([own, own]) == pytest.approx(tree_memory_bytes([own]), rel=0.05)
    assert tree_memory_bytes([own]) > 1 << 20


def test_one_that_has_ended_counts_nothing() -> None:
    child = subprocess.Popen([sys.executable, "-S", "-c", ""])
    child.wait()

    assert tree_cpu_s([child.pid]) == 0.0
    assert tree_memory_bytes([child.pid]) == 0


def test_a_meter_counts_from_its_first_look_and_what_has_ended_since() -> None:
    meter = CpuMeter()
    child = subprocess.Popen(
        [sys.executable, "-S", "-c", f"{_BURN}\nprint('done', flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with child:
        assert child.stdout is not None
        child.stdout.readline()
        meter.look("late", [child.pid])
        meter.look("whole", [child.pid], fresh=True)
        child.communicate(b"\n")
    meter.look("late", [child.pid])
    meter.look("whole", [child.pid], fresh=True)

    assert meter.used_s("late") < 0.1
    assert meter.used_s("whole") >= 0.19
    assert meter.used_s("nobody") == 0.0


def test_a_meter_adds_up_the_processes_of_a_role_and_only_those() -> None:
    meter = CpuMeter()
    meter.look("own", [os.getpid()])
    end_s = time.process_time() + 0.1
    while time.process_time() < end_s:
        pass
    meter.look("own", [os.getpid(), os.getpid()])

    assert meter.used_s("own") == pytest.approx(0.1, abs=0.05)
