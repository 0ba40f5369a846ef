"""Histories of the simulator, played on the real API server and its controllers by a stand-in for nodes and users."""
