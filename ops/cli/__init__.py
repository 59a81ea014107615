"""The command `leyden`: one sub-command a process, and the operator's tools.

It may import everything; nothing imports it. Start reading at `main.py`, which lists the commands;
`session.py` gives a command its settings and stores, `output.py` its way to speak.
"""
