"""Telling people: the answers of jobs in Telegram chats, and posts in channels.

A delivery is a row in Postgres (`storage.deliveries`); nothing here decides what happened, it only says it.
Start reading at `courier.py` (takes what is due), then `sender.py` (one delivery), `answers.py` (what is
said) and `wire.py` (one call of the Bot API, and what its outcome means). `publisher.py` is for channels.
Only the composition root of a worker imports this package: it brings aiogram, which costs a second.
"""
