"""Extras: which packages only some installations need, and what to install when one is missing."""

from __future__ import annotations

#: the module that is missing, and the extra that brings it (pyproject.toml)
EXTRAS = {
    "audioop": "sound",
    "espeakng_loader": "sound",
    "numpy": "sound",
    "pydub": "sound",
    "pyopenjtalk": "sound",
    "pyttsx3": "sound",
    "soundfile": "sound",
    "soxr": "sound",
    "aiosmtpd": "inbox",
    "flufl": "inbox",
    "psycopg": "postgres",
}


def remedy(error: ModuleNotFoundError) -> str | None:
    """What is missing and how to get it, as a sentence; None = it is not one of ours."""
    extra = EXTRAS.get((error.name or "").partition(".")[0])
    if extra is None:
        return None
    return f'the package “{error.name}” is not installed: pip install "alertd[{extra}]"'
