"""The Telegram bots: viAIzer and Text AI in one program.

Receives updates into the inbox, handles each once in its person's order, asks the intake for jobs and
shows a card for each. Answers come from the delivery workers, never from here. Only `ops.cli` imports it.
Start at `program.py`, then `dispatch.py` (an update's way to a handler), `flow.py` (a wish's way to a job).
"""
