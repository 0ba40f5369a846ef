"""Histories of runs, played in memory."""
