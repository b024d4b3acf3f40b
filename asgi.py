"""The ASGI application of the node that REGISTRY_HOME names, served by `registry serve`."""

from registry.door.asgi import app

__all__ = ["app"]
