"""The wrapper: what runs in the pod of an MlrunRun.

It reads the envelope, fetches code and inputs, lets the executor run the handler with mlrun, stores what came out and
reports. `steps.py` is the list of what it does, in order.
"""
