"""Producers turn what comes from outside, over HTTP or from chats, into jobs.

They may import ledger, storage, ops.base and schemas; never workers, never each other, never asyncpg.
Start reading at `intake.py`, the one way in; `desk.py` opens everything a producer needs; `api/` is
the HTTP edge, `bot/` are the Telegram bots.
"""
