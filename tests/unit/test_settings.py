"""What is said of a wrong configuration."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from alertd.errors import WrongConfiguration
from alertd.settings import read_settings


class Tls(StrEnum):
    NONE = "none"
    STARTTLS = "starttls"


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str
    port: int = Field(25, ge=1)
    tls: Tls = Tls.NONE
    password: SecretStr | None = None
    sender: str = "alert@example.jp"

    @field_validator("sender")
    @classmethod
    def _address(cls, value: str) -> str:
        if "@" not in value:
            raise ValueError("must be an e-mail address")
        return value


def wrong(table: dict[str, object]) -> list[str]:
    with pytest.raises(WrongConfiguration) as caught:
        read_settings(Settings, table, "channels.mail")
    return [problem.message for problem in caught.value.problems]


def test_an_unknown_key_is_named_with_a_suggestion() -> None:
    assert wrong({"host": "h", "prot": 25}) == ['unknown key "prot" in [channels.mail]; did you mean "port"?']


def test_an_unknown_key_like_nothing_known_gets_no_suggestion() -> None:
    assert wrong({"host": "h", "zzzzzz": 1}) == ['unknown key "zzzzzz" in [channels.mail]']


def test_a_missing_key_is_named() -> None:
    assert wrong({}) == ['"host" is missing in [channels.mail]']


def test_every_wrong_key_is_named_at_once() -> None:
    said = wrong({"host": 1, "port": "x", "tls": "ssl", "sender": "nobody"})
    assert said == [
        '"host" in [channels.mail] must be a text in quotes',
        '"port" in [channels.mail] must be a whole number',
        "\"tls\" in [channels.mail] must be one of 'none' or 'starttls'",
        '"sender" in [channels.mail] must be an e-mail address',
    ]


def test_a_number_out_of_range_is_said_to_be_so() -> None:
    assert wrong({"host": "h", "port": 0}) == [
        '"port" in [channels.mail] should be greater than or equal to 1'
    ]


def test_a_secret_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("ひみつ\r\n", encoding="utf-8")
    table = {"host": "h", "password_file": "password"}
    settings = read_settings(Settings, table, "channels.mail", folder=tmp_path)
    assert settings.password is not None
    assert settings.password.get_secret_value() == "ひみつ"
    assert "ひみつ" not in repr(settings)


def test_a_secret_in_the_table_is_refused_and_not_repeated() -> None:
    (said,) = wrong({"host": "h", "password": "hunter2"})
    assert "password_file" in said
    assert "hunter2" not in said


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"x" * 70_000])
def test_a_useless_secret_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "password").write_bytes(content)
    with pytest.raises(WrongConfiguration, match="password_file"):
        read_settings(
            Settings,
            {"host": "h", "password_file": "password"},
            "channels.mail",
            folder=tmp_path,
        )


def test_a_secret_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WrongConfiguration, match="no such file"):
        read_settings(
            Settings,
            {"host": "h", "password_file": "gone"},
            "channels.mail",
            folder=tmp_path,
        )
