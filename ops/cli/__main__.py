"""`python -m ops.cli`: the same as `leyden`, for child processes of our own."""

from ops.cli.main import run

if __name__ == "__main__":
    run()
