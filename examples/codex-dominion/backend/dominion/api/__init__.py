"""The areas of the API, one blueprint each."""

from dominion.api import agents, ai, councils, session, treasury, workflows

BLUEPRINTS = [
    session.blueprint,
    ai.blueprint,
    treasury.blueprint,
    workflows.blueprint,
    councils.blueprint,
    agents.blueprint,
]
