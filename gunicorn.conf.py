"""`gunicorn` in a checkout finds the application's own settings here."""

from registry.app.server import *  # noqa: F403
