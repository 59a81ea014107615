"""What the bench writes into a page that others read."""

from tests.bench.__main__ import shown


def test_the_command_is_shown_without_where_this_machine_keeps_its_numbers() -> None:
    bare = "python -m tests.bench --only ring --docs"
    assert shown(["--only", "ring", "--docs"]) == bare
    assert shown(["--json", "/home/me/bench.json", "--only", "ring", "--docs"]) == bare
    assert shown(["--only", "ring", "--json=/home/me/bench.json", "--docs"]) == bare
