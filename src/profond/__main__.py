"""`python -m profond` is the command line."""

from profond.cli import main

if __name__ == "__main__":
    main()
