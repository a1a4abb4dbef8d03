"""`python -m wslab` is the command `wslab`."""

from wslab.cli import main

main(prog_name="wslab")
