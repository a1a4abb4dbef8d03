"""The command `wslab`, run in this process: to start Python and to import everything again takes half a second.

What only a process can show is tested with one: signals, pipes, terminals, a full disk.
"""

from __future__ import annotations

from subprocess import CompletedProcess

from typer.testing import CliRunner

from wslab.cli import main


def wslab_command(*arguments: str, stdin: str | bytes = "", **environment: str) -> CompletedProcess[str]:
    """Return the exit code of a command line, and what it printed; an error that would be a traceback is raised."""
    done = CliRunner().invoke(
        main, arguments, input=stdin, env={"COLUMNS": "80", **environment}, catch_exceptions=False, prog_name="wslab"
    )
    return CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)
