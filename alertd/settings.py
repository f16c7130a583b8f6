"""Settings: a table of the configuration file, checked, with every mistake named.

A secret never stands in the configuration file itself: for each field of the type
`pydantic.SecretStr` the table has a key with `_file` at its end that names the file
which holds the secret. In memory a secret shows itself as `**********`.
"""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from alertd.errors import Problem, WrongConfiguration

Model = TypeVar("Model", bound=BaseModel)

#: Of a file with a secret, in bytes; more than this is surely another file.
LARGEST_SECRET = 65536

_EXPECTED = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "a text in quotes",
    "tuple": "a list in square brackets",
    "list": "a list in square brackets",
    "dict": "a table",
    "mapping": "a table",
    "path": "the path of a file",
}


def read_settings(
    model: type[Model],
    table: Mapping[str, object],
    where: str,
    *,
    folder: Path = Path(),
) -> Model:
    """The settings in `table`, which stands at `where` (`channels.mail`) in the file.

    Paths of secrets are relative to `folder`, that of the configuration file. Raises
    WrongConfiguration with one problem for each wrong key, all at once; a value is
    never repeated in a message, because it could be a secret at the wrong place.
    """
    secrets = frozenset(name for name, field in model.model_fields.items() if _is_secret(field.annotation))
    values: dict[str, object] = {}
    problems: list[Problem] = []
    for key, value in table.items():
        if key in secrets:
            problems.append(
                _problem(
                    where,
                    key,
                    f"must not hold the secret itself; name its file by {_quote(key + '_file')}",
                )
            )
        elif (secret := key.removesuffix("_file")) in secrets and key != secret:
            if not isinstance(value, str | Path):
                problems.append(_problem(where, key, "must be the path of a file in quotes"))
                continue
            try:
                values[secret] = secret_in(folder / value)
            except ValueError as error:
                problems.append(_problem(where, key, str(error)))
        else:
            values[key] = value
    unread = {problem.field.rpartition(".")[2].removesuffix("_file") for problem in problems}
    keys = [name + "_file" if name in secrets else name for name in model.model_fields]
    try:
        settings = model.model_validate(values)
    except ValidationError as error:
        for details in error.errors(include_url=False, include_input=False):
            place = tuple(str(step) for step in details["loc"])
            if details["type"] == "missing" and place and place[0] in unread:
                continue
            problems.append(_translated(details, place, where, keys, secrets))
        raise WrongConfiguration(problems) from None
    if problems:
        raise WrongConfiguration(problems)
    return settings


def _is_secret(annotation: object) -> bool:
    """Whether a field's type is SecretStr, or that or None."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return SecretStr in typing.get_args(annotation)
    return annotation is SecretStr


def secret_in(path: Path) -> SecretStr:
    """The content of a secret's file without the line ends after it. Raises ValueError with what is wrong."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_SECRET + 1)
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise ValueError(f'names the file "{path}", which cannot be read: {reason}') from None
    if len(content) > LARGEST_SECRET:
        raise ValueError(f'names the file "{path}", which is too large for a secret')
    try:
        text = content.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f'names the file "{path}", which is not UTF-8') from None
    if not text:
        raise ValueError(f'names the file "{path}", which is empty')
    return SecretStr(text)


def _translated(
    details: ErrorDetails,
    place: tuple[str, ...],
    where: str,
    keys: Iterable[str],
    secrets: frozenset[str],
) -> Problem:
    """One finding of pydantic in our words."""
    kind, context = details["type"], details.get("ctx", {})
    key = ".".join(place)
    if kind == "extra_forbidden":
        message = f"unknown key {_quote(key)} in {_section(where)}"
        near = difflib.get_close_matches(place[-1], list(keys), n=1, cutoff=0.5) if len(place) == 1 else []
        if near:
            message += f"; did you mean {_quote(near[0])}?"
        return Problem(_field(where, key), message)
    if kind == "missing":
        wanted = key + "_file" if key in secrets else key
        return Problem(_field(where, wanted), f"{_quote(wanted)} is missing in {_section(where)}")
    if kind in ("literal_error", "enum"):
        return _problem(where, key, f"must be one of {context['expected']}")
    if kind == "value_error":
        return _problem(where, key, str(context["error"]))
    if kind.endswith(("_type", "_parsing", "_from_float")):
        expected = _EXPECTED.get(kind.partition("_")[0])
        if expected:
            return _problem(where, key, f"must be {expected}")
    said = details["msg"].removeprefix("Input ")
    return _problem(where, key, said[:1].lower() + said[1:])


def _problem(where: str, key: str, what: str) -> Problem:
    subject = f"{_quote(key)} in {_section(where)}" if key else _section(where)
    return Problem(_field(where, key), f"{subject} {what}")


def _field(where: str, key: str) -> str:
    return ".".join(part for part in (where, key) if part)


def _section(where: str) -> str:
    return f"[{where}]" if where else "the configuration"


def _quote(key: str) -> str:
    return f'"{key}"'
