"""What several scenarios share: programs of their own, what they complain of, and what a machine allows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from textwrap import dedent
from typing import Any

import pytest

import programs

# What runs in the background of a shell ignores the signal.
PREFACE = f"""{programs.PREFACE}
signal.signal(signal.SIGINT, signal.default_int_handler)
"""
COMPLAINTS = ("panicked", "Fatal", "FATAL", "Exception ignored", "Segmentation")


def started(program: str, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Start a program of its own, below the name of this interpreter."""
    command = [sys.executable, "-W", "ignore", "-c", PREFACE + dedent(program), *arguments]
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def needs_root() -> None:
    """Skip where somebody else has to do it."""
    if os.geteuid() != 0:
        pytest.skip("this needs root: it mounts file systems or makes network namespaces")


def needs(*programs: str) -> None:
    """Skip where a program is missing."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"`{program}` is not installed")


def allowed(*command: str) -> None:
    """Do what the machine may forbid; skip, saying why, where it does."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"the machine does not allow `{' '.join(command)}`: {done.stderr.strip()}")
