"""A script that never asks for its context."""

with open("scratch.txt", "w") as file:
    file.write("done")
