"""`python -m profond`, and the command `profond`."""

from profond.core import signals


def main() -> None:
    """Run the command line and exit; a signal is answered from here on, before anything else is imported."""
    signals.listen()

    from profond.cli import main as work

    work()


if __name__ == "__main__":
    main()
