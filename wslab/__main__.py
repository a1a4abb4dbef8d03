"""`python -m wslab` is the command `wslab`."""

import sys


def run() -> None:
    """Run the command line; Ctrl-C ends it without a traceback, even during an import."""
    try:
        from wslab.cli import main

        main(prog_name="wslab")
    except (KeyboardInterrupt, Exception) as error:
        if not _interrupted(error):
            raise
        sys.exit(130)


def _interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C caused it: an exception during an import or in a class body may be wrapped."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


if __name__ == "__main__":
    run()
