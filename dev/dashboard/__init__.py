"""The Grafana dashboard of the chart: its panels are written here, its JSON is made from them.

`python -m dashboard [--check]` writes charts/mlrun-operator/files/dashboard.json. `python -m dashboard record URL FILE`
keeps what an operator tells for some minutes, and `python -m dashboard draw FILE PICTURE` asks every question of it and
draws the answers. The answers are of Prometheus' own engine; the drawing is not Grafana's.
"""
