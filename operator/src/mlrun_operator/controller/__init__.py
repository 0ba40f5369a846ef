"""The operator's process: watches fill an index and a queue, workers reconcile, one status write each."""
