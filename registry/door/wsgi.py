"""The WSGI application object servers import; the node is the one REGISTRY_HOME names."""

from registry.app.wsgi import app as flask
from registry.door.gathered_flask import gather

app = gather(flask)
