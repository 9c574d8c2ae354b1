"""`python -m churn`: the command line, where the script is not on the path."""

from churn.cli import main

if __name__ == "__main__":
    main()
