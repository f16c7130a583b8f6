"""The interpreter: which Python this is, and whether it was built to be fast.

A CPython whose core is in a shared library, compiled without optimisations across the
whole, sends about a fifth fewer mails a second than one that distributions and container
images have (`benchmarks/mail.py`, both in one run).
"""

from __future__ import annotations

import os
import platform
import sys
import sysconfig

#: an executable smaller than this only loads the core from a shared library, in bytes
_HOLDS_THE_CORE = 1_000_000
#: words of a build's configuration that make a shared core as fast
_OPTIMISED = ("--enable-optimizations", "--with-lto", "-fno-semantic-interposition")


def name() -> str:
    """`CPython 3.11.7`."""
    return f"{platform.python_implementation()} {platform.python_version()}"


def is_slow() -> bool:
    """Whether the core is in a shared library that was built without optimisations."""
    core = os.path.realpath(sys.executable or "")
    if not os.path.isfile(core) or os.path.getsize(core) > _HOLDS_THE_CORE:
        return False
    built = " ".join(str(sysconfig.get_config_var(key)) for key in ("CONFIG_ARGS", "PY_CFLAGS_NODIST"))
    return not any(word in built for word in _OPTIMISED)
