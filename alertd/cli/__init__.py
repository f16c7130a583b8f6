"""The command line: `alertd NOUN VERB`."""

from alertd.cli.app import main

__all__ = ["main"]
