"""The WSGI application of the node that REGISTRY_HOME names, for any WSGI server."""

from registry.door.wsgi import app

__all__ = ["app"]
