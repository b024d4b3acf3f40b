"""The application object servers import; the node is the one REGISTRY_HOME names."""

from registry.app import create_app
from registry.app.lines import write_lines
from registry.app.node import assemble
from registry.settings import Settings

write_lines()
app = create_app(assemble(Settings.load()))
