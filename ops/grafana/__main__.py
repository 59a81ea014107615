"""`python -m ops.grafana` writes the dashboards anew; run it after a change of `overview.py`."""

from pathlib import Path

from ops.grafana.overview import overview
from ops.grafana.panels import to_json

FOLDER = Path(__file__).parent / "dashboards"

if __name__ == "__main__":
    (FOLDER / "overview.json").write_text(to_json(overview()), encoding="utf-8")
