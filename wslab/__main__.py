"""`python -m wslab` is the command `wslab`."""

import sys


def run() -> None:
    """Run the command line; Ctrl-C ends it without a traceback while something is still being imported, too."""
    try:
        from wslab.cli import main

        main(prog_name="wslab")
    except (KeyboardInterrupt, Exception) as error:
        if not _interrupted(error):
            raise
        sys.exit(130)


def _interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind it: what raises while a class is made, or a package imported, may be wrapped."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


if __name__ == "__main__":
    run()
