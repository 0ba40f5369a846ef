"""Metrics for Prometheus: `catalogue` names each, `meters` count as things happen, `gauges` are read at a scrape.

No label holds a run's name. What happens often costs a look-up in a dictionary and an addition.
"""
