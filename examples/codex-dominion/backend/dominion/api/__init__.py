"""The areas of the API, one blueprint each."""

from dominion.api import agents, ai, councils, treasury, workflows

BLUEPRINTS = [ai.blueprint, treasury.blueprint, workflows.blueprint, councils.blueprint, agents.blueprint]
