"""The application object servers import; the node is the one REGISTRY_HOME names."""

from registry.app import create_app
from registry.app.node import assemble
from registry.settings import Settings

app = create_app(assemble(Settings.load()))
