"""The entry point of the command `profond-serve`: it serves, or with `predict` answers at once."""

from __future__ import annotations

import sys

import click

from profond.core.errors import ProfondError


def main() -> None:
    """`profond-serve FILE...`, or `profond-serve predict FILE INPUT...`."""
    if sys.argv[1:2] != ["predict"]:
        from profond.server.command import main as serve  # not above: answering at once needs no server

        serve()
        return
    from profond.server.predict import predict

    try:
        predict.main(sys.argv[2:], prog_name="profond-serve predict")
    except ProfondError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
