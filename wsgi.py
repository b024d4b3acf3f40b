"""The WSGI application of the node that REGISTRY_HOME names, for any WSGI server."""

from registry.app import create_app
from registry.app.node import assemble
from registry.settings import Settings

app = create_app(assemble(Settings.load()))
