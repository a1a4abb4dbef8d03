"""`python -m wslab` is the command `wslab`."""

from wslab.cli import app

app(prog_name="wslab")
