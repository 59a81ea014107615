"""The adapter for OpenRouter: texts and sight as at OpenAI, pictures of its own kind, and films as tasks.

It says what a call has cost. Errors come as numbers, and as a body of a 200 once it has begun.
Only `registry` imports it. Start reading at `adapter.py`.
"""
