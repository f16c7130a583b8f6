"""Fuzzing led by coverage: one reader, in a process of its own, because libFuzzer ends it.

`python -m tests.fuzz.guided NAME SECONDS CORPUS`; atheris must be installed. Exit code 0 = nothing was found.
"""

from __future__ import annotations

import logging
import sys
from importlib import import_module
from pathlib import Path


def main() -> None:
    """Never returns."""
    name, seconds, corpus = sys.argv[1:]
    atheris = import_module("atheris")
    with atheris.instrument_imports(include=["alertd", "channels", "email", "flufl"]):
        readers = import_module("tests.fuzz")
    logging.disable()
    folder = Path(corpus)
    (folder / "seed").write_bytes(readers.READERS[name].seed)
    options = [f"-max_total_time={seconds}", f"-artifact_prefix={corpus}/", "-print_final_stats=1"]
    # a document that takes ten seconds is found like one that crashes
    limits = ["-timeout=10", "-rss_limit_mb=2048", "-max_len=65536"]
    atheris.Setup([sys.argv[0], *options, *limits, corpus], lambda document: readers.try_out(name, document))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
