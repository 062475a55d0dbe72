"""Codex Dominion: the backend API and the worker of its workflows."""
