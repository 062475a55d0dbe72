"""Tests against a real PostgreSQL and a real Redis, both with TLS, started for the run."""
