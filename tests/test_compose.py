"""docker-compose.yml starts what there is: every command, channel, port, path, variable and name is known."""

from __future__ import annotations

import itertools
import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import make_url
from typer.testing import CliRunner

from alertd import pulse
from alertd.cli.app import app
from alertd.config import Web, load
from alertd.grants import grantees

ROOT = Path(__file__).resolve().parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
OPERATIONS = ROOT / "docs" / "operations"
CADDYFILE = (OPERATIONS / "Caddyfile").read_text(encoding="utf-8")
OURS = {name: service for name, service in COMPOSE["services"].items() if "build" in service}


COMMANDS = sorted(
    {tuple(service["command"][: 2 if service["command"][0] == "db" else 1]) for service in OURS.values()}
)
#: where each container finds the password of its role of the database
PASSWORD = "/run/secrets/database"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_container_runs_a_command_that_exists(command: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, [*command, "--help"])
    assert done.exit_code == 0, done.output


def test_the_workers_serve_exactly_the_channels_of_the_built_in_configuration() -> None:
    served = [
        value
        for service in OURS.values()
        for option, value in itertools.pairwise(service["command"])
        if option == "--channel"
    ]
    assert sorted(served) == sorted(load(None).channels)


def test_the_proxy_reaches_both_servers_where_the_settings_put_them() -> None:
    places = dict(re.findall(r"reverse_proxy (\w+):(\d+)", CADDYFILE))
    assert places == {"console": str(Web().port), "public": str(Web().public_port)}
    assert set(places) <= set(OURS)
    assert not [name for name, service in OURS.items() if "ports" in service], "the proxy alone is published"


def test_figures_are_not_shown_through_the_proxy() -> None:
    assert re.search(r"@figures path /metrics /readyz\n\s*respond @figures 404", CADDYFILE)


def test_every_variable_is_passed_on_and_used() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    wanted = set(re.findall(r"\$\{(\w+)", text))
    passed = set(COMPOSE["services"]["proxy"]["environment"])
    assert wanted == passed == set(re.findall(r"\{\$(\w+)\}", CADDYFILE))


def test_the_configuration_that_is_shipped_fits_the_containers(tmp_path: Path) -> None:
    secret = tmp_path / "database"
    secret.write_text("a secret of the tests")
    text = (OPERATIONS / "compose.toml").read_text(encoding="utf-8")
    assert PASSWORD in text
    (tmp_path / "alertd.toml").write_text(text.replace(PASSWORD, str(secret)))
    config = load(tmp_path / "alertd.toml")
    database, broker = make_url(config.database_url), make_url(config.broker_url)
    settings = COMPOSE["services"]["database"]["environment"]
    assert (database.host, database.database) == ("database", settings["POSTGRES_DB"])
    assert not database.username, "PGUSER says it, for each container"
    assert broker.host in COMPOSE["services"] and {database.host, broker.host}.isdisjoint(OURS)
    assert list(config.subscribe.proxies) == [
        COMPOSE["services"]["proxy"]["networks"]["front"]["ipv4_address"]
    ]
    (front,) = COMPOSE["networks"]["front"]["ipam"]["config"]
    assert ip_address(config.subscribe.proxies[0]) in ip_network(front["subnet"])
    mounted = [place.split(":")[1] for place in COMPOSE["x-alertd"]["volumes"]]
    assert str(config.storage) in mounted and "/etc/alertd/alertd.toml" in mounted
    assert f"install --directory --owner alertd --mode 750 {config.storage}" in DOCKERFILE
    assert "ENV ALERTD_CONFIG=/etc/alertd/alertd.toml" in DOCKERFILE


def test_only_what_makes_tables_and_roles_signs_in_as_their_owner() -> None:
    app, public, _ = (one.name for one in grantees())
    owner = COMPOSE["services"]["database"]["environment"]["POSTGRES_USER"]
    roles = {name: service["environment"]["PGUSER"] for name, service in OURS.items()}
    assert {name for name, role in roles.items() if role == owner} == {"tables", "roles"}
    assert roles.pop("public") == public
    assert {role for name, role in roles.items() if name not in ("tables", "roles")} == {app}


def test_each_container_is_given_its_own_password_and_no_other() -> None:
    given = {
        name: {secret["target"]: secret["source"] for secret in service["secrets"]}
        for name, service in OURS.items()
    }
    app, public, _ = (one.name for one in grantees())
    assert given.pop("roles") == {"database": "owner", app: "app", public: "public"}
    assert given.pop("tables") == {"database": "owner"}
    assert given.pop("public") == {"database": "public"}
    assert given and all(one == {"database": "app"} for one in given.values())
    assert COMPOSE["services"]["roles"]["command"][-2:] == ["--passwords", str(Path(PASSWORD).parent)]
    assert COMPOSE["services"]["database"]["secrets"] == ["owner"]


def test_nothing_runs_before_its_role_is_there() -> None:
    for name, service in OURS.items():
        before = {"tables": "database", "roles": "tables"}.get(name, "roles")
        assert list(service["depends_on"]) == [before], name


def test_every_file_that_a_container_is_given_exists() -> None:
    given = [volume for one in COMPOSE["services"].values() for volume in one.get("volumes", ())]
    for source in {volume.split(":")[0] for volume in given if volume.startswith("./docs")}:
        assert (ROOT / source).is_file(), source
    assert {volume.split(":")[0] for volume in given if not volume.startswith("./")} == set(
        COMPOSE["volumes"]
    )


def test_every_container_that_runs_on_is_looked_at() -> None:
    for name, service in OURS.items():
        command = service["command"]
        if command[0] in ("relay", "worker"):
            channels = [value for option, value in itertools.pairwise(command) if option == "--channel"]
            programs = [pulse.of_worker(channel) for channel in channels] or ["relay"]
            assert service["healthcheck"]["test"] == ["CMD", "alertd", "pulse", *programs], name
        else:
            assert "healthcheck" in service or service["restart"] == "no", name


def test_nothing_but_the_proxy_stands_between_outside_and_the_database() -> None:
    networks = {name: set(service.get("networks", ())) for name, service in COMPOSE["services"].items()}
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert networks["database"] == networks["broker"] == {"inside"}
    assert networks["proxy"] == {"front"} and "outside" not in networks["public"]


def test_no_secret_is_written_into_the_files() -> None:
    for service in COMPOSE["services"].values():
        for key, value in service.get("environment", {}).items():
            assert "PASSWORD" not in key or str(value).startswith("/run/secrets/"), key
    assert all(set(secret) == {"file"} for secret in COMPOSE["secrets"].values())


def test_the_image_copies_what_exists() -> None:
    for line in DOCKERFILE.splitlines():
        if line.startswith("COPY"):
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), line


def test_the_image_takes_nothing_whose_hash_is_not_in_a_lock() -> None:
    installed = re.findall(r"pip install (.+?)(?: \\)?$", DOCKERFILE, re.MULTILINE)
    assert len(installed) == 3
    for words in installed:
        from_lock = "--require-hashes" in words and words.endswith(".lock")
        assert from_lock or ("--no-deps" in words and "--no-build-isolation" in words), words


def test_no_container_of_ours_has_rights_that_it_does_not_need() -> None:
    for name, service in COMPOSE["services"].items():
        assert "no-new-privileges:true" in service["security_opt"] and "privileged" not in service, name
        if name != "database":  # its image changes its user itself
            assert service["read_only"] and service["cap_drop"] == ["ALL"], name
    assert re.search(r"^USER 10001$", DOCKERFILE, re.MULTILINE)


def test_every_image_is_named_with_its_version() -> None:
    for service in COMPOSE["services"].values():
        assert "build" in service or re.search(r":\d+$", service["image"])
