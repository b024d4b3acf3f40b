"""The application: assembles the rooms of one node and serves them.

Promises: what is assembled once is handed to every room; a node that cannot
keep its promises (no keys, another database's mode, an old schema) does not
start; liveness needs nothing, readiness needs the database.
Never: holds a rule.

    settings -> node.assemble -> Node -> create_app -> WSGI
                                          well_known  pages  health

Sources: docs/protocol.md; twelve-factor (settings, processes, logs).
"""

from flask import Flask

from registry import __version__
from registry.app import health, pages, well_known
from registry.app.node import Node
from registry.app.worker import register_unreadable_bodies
from registry.appeals.api import blueprint as appeals_blueprint
from registry.appeals.jury_api import blueprint as jury_blueprint
from registry.appeals.jury_own_api import blueprint as own_jury_blueprint
from registry.appeals.subject_api import blueprint as own_appeals_blueprint
from registry.http.limits import register_limit_headers
from registry.http.openapi import create_api
from registry.http.problems import register_problem_answers
from registry.http.requests import register_request_facts
from registry.http.signed import Door
from registry.http.wiring import provide
from registry.identity.api import blueprint as identity_blueprint
from registry.incidents.api import blueprint as incidents_blueprint
from registry.incidents.import_api import blueprint as imports_blueprint
from registry.incidents.rulebook_api import blueprint as rulebook_blueprint
from registry.kernel.clock import SystemClock
from registry.ledger.api import blueprint as ledger_blueprint
from registry.ledger.log_api import blueprint as logs_blueprint
from registry.ledger.witness_api import blueprint as witness_blueprint
from registry.lookups.api import blueprint as lookups_blueprint
from registry.lookups.screening_api import blueprint as screening_blueprint
from registry.members.api import blueprint as members_blueprint
from registry.notices.adverse_action_api import blueprint as adverse_action_blueprint
from registry.notices.api import blueprint as notices_blueprint
from registry.notices.correction_api import blueprint as corrections_blueprint
from registry.notices.letter_api import blueprint as letters_blueprint
from registry.oversight.api import blueprint as oversight_blueprint
from registry.oversight.correction_api import blueprint as owed_corrections_blueprint
from registry.oversight.erasure_api import blueprint as erasure_blueprint
from registry.subjects.api import blueprint as subjects_blueprint
from registry.subjects.correction_api import blueprint as own_corrections_blueprint
from registry.subjects.record_api import blueprint as own_record_blueprint

BODY_BYTES_MAX = 1024 * 1024

_BLUEPRINTS = (
    well_known.blueprint,
    identity_blueprint,
    incidents_blueprint,
    imports_blueprint,
    lookups_blueprint,
    screening_blueprint,
    ledger_blueprint,
    logs_blueprint,
    witness_blueprint,
    oversight_blueprint,
    erasure_blueprint,
    subjects_blueprint,
    owed_corrections_blueprint,
    own_record_blueprint,
    own_corrections_blueprint,
    members_blueprint,
    rulebook_blueprint,
    notices_blueprint,
    letters_blueprint,
    corrections_blueprint,
    adverse_action_blueprint,
    appeals_blueprint,
    own_appeals_blueprint,
    jury_blueprint,
    own_jury_blueprint,
    health.blueprint,
)


def create_app(node: Node) -> Flask:
    """The WSGI application of `node`."""
    app = Flask("registry", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES_MAX
    # One address for each resource: `/v1//rulebook` is nothing.
    app.url_map.merge_slashes = False
    app.json.sort_keys = False  # type: ignore[attr-defined] # Flask's default provider has it
    register_request_facts(app)
    register_limit_headers(app)
    register_problem_answers(app, node.settings.origin)
    register_unreadable_bodies(app, node.settings.origin)
    door = Door(
        database=node.database,
        directory=node.directory,
        origin=node.settings.origin,
        wall=SystemClock(),
        clock=node.clock,
        spool_directory=node.settings.home,
    )
    provide(
        app,
        node,
        node.database,
        door,
        node.rulebook,
        node.evaluations,
        node.incidents,
        node.imports,
        node.lookups,
        node.ledger,
        node.witness,
        node.directory,
        node.members,
        node.protector,
        node.own_door.door,
        node.own_door.access,
        node.own_door.sessions,
        node.own_door.own_views,
        node.own_door.authorisations,
        node.own_door.records,
        node.own_door.histories,
        node.own_door.sayings,
        node.own_door.severing,
        node.own_door.exports,
        node.own_door.corrections,
        node.auditing.legal_holds,
        node.auditing.erasure_orders,
        node.auditing.recorder,
        node.auditing.oversight,
        node.auditing.reconciler,
        node.auditing.flagging,
        node.auditing.exports,
        node.noticing.notices,
        node.noticing.webhooks,
        node.noticing.deliveries,
        node.noticing.letters,
        node.noticing.corrections,
        node.noticing.adverse_action,
        node.screening.door,
        node.contesting.drafts,
        node.contesting.appeals,
        node.contesting.answering,
        node.contesting.reviews,
        node.contesting.precedents,
        node.contesting.judging.pool,
        node.contesting.judging.juries,
        node.contesting.judging.voting,
        node.contesting.judging.sight,
        node.contesting.judging.publishing,
    )
    api = create_api(app, version=__version__)
    for blueprint in _BLUEPRINTS:
        api.register_blueprint(blueprint)
    app.register_blueprint(pages.blueprint)
    pages.keep_description(app, api)
    return app
