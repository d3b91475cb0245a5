"""The command `powerbi-push`: files, streams and questions without a program of your own.

Only here is click imported, which is the package's one dependency, and each command loads its module when it is called.
"""

from __future__ import annotations

import sys


def main(arguments: list[str] | None = None) -> None:
    """Run the command, and end the process with 0 (well), 1 (failed) or 2 (called wrongly).

    Args:
        arguments: What stands behind the command's name; None (default) takes it from the process.
    """
    try:
        from powerbi_push.cli.program import run  # noqa: PLC0415 - without click there is something to say
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.stderr.write("error: the command needs the package `click`, which is not installed\n")
        sys.stderr.write("hint: pip install click\n")
        sys.exit(1)
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))
