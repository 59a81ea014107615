"""The HTTP edge: FastAPI under /v1 for ourselves and partners, with health and metrics.

It may import the rest of producers but no other producer, ledger, storage, ops.base and schemas.
Start reading at `app.py`; each route file holds the routes of one noun, handlers stay thin.
"""
