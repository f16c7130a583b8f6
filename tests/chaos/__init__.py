"""Chaos: real processes are killed on purpose, and the far ends' own ledgers say what came of it."""
