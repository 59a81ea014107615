"""Leyden."""
