"""The route everything is measured against: Flask, and nothing else."""

from flask import Flask

app = Flask("bare", static_folder=None)
ANSWER = b"ok"


@app.get("/")
def answer() -> bytes:
    """Answer two bytes."""
    return ANSWER
