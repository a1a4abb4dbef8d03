"""`python -m wslab` is the command `wslab`."""

import sys


def run() -> None:
    """Run the command line; Ctrl-C ends it without a traceback while it is still being imported, too."""
    try:
        from wslab.cli import main

        main(prog_name="wslab")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    run()
