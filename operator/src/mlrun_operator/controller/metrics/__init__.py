"""What Prometheus is told: `catalogue` names every metric, `meters` count as things happen, `gauges` look when asked.

Nothing is labelled by a run's name. What happens often costs a dictionary and an addition.
"""
