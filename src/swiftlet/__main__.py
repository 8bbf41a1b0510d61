"""`python -m swiftlet` is the `swiftlet` command."""

from swiftlet.cli import main

if __name__ == "__main__":
    main()
