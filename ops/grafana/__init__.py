"""Dashboards of Grafana, written in Python and kept as JSON beside it.

`python -m ops.grafana` writes `dashboards/*.json` anew; a test holds the two together. Nothing of the
product imports this. Start reading at `overview.py` for what is shown, at `panels.py` for how.
"""
