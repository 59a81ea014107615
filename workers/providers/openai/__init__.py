"""The adapter for OpenAI: texts, pictures, what is in a picture, and moderation. No films: they are gone.

Everything is answered at once, nothing can be looked up later, and no request can be repeated safely.
Only `registry` imports it. Start reading at `adapter.py`.
"""
