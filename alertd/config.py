"""The configuration: one TOML file, every key checked. This module alone reads the environment."""

from __future__ import annotations

import difflib
import hashlib
import os
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, SecretStr, field_validator, model_validator

from alertd.cap import signature
from alertd.channel import ChannelSettings
from alertd.check_item import DEFAULT, CheckItem
from alertd.city import City
from alertd.errors import Problem, WrongConfiguration
from alertd.outbound import networks
from alertd.registry import channel_settings
from alertd.settings import read_settings

#: where the configuration is looked for when no `--config` is given
DEFAULT_FILE = "alertd.toml"
#: names another file
VARIABLE = "ALERTD_CONFIG"
#: Linux takes paths of sockets up to 107 bytes
_LONGEST_SOCKET = 107
#: the name that stands for the configuration that is built in
BUILT_IN = "built-in"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Database(_Section):
    """`[database]`"""

    #: SQLAlchemy URL of SQLite or PostgreSQL; empty = `alertd.db` in the storage folder
    url: str = ""
    #: put into the URL; in the file it is `password_file`
    password: SecretStr | None = None


class Broker(_Section):
    """`[broker]`"""

    #: "embedded" = a Valkey server of our own on a private socket; else redis:// or redis+socket://
    url: str = "embedded"


class Web(_Section):
    """`[web]`: the console and the public pages are two servers, so only one need face the internet."""

    host: str = "127.0.0.1"
    #: the operators' console
    port: int = Field(default=8750, ge=0, le=65535)
    public_host: str = "127.0.0.1"
    #: residents, callbacks, audio, feeds
    public_port: int = Field(default=8751, ge=0, le=65535)
    #: how the outside reaches the public pages; empty = http://public_host:public_port
    public_url: str = ""
    #: how far the program with the public pages stands back behind the senders: nice, 0 = not at all
    nice: int = Field(default=5, ge=0, le=19)
    #: requests a second to the public pages from one network (/24, /48); ten seconds' worth at once
    public_rate: float = Field(default=20.0, gt=0)
    #: RSA key and certificate (PEM) that sign CAP documents; None = they are not signed
    signing_key: SecretStr | None = None
    #: how operators reach the console; empty = http://host:port
    url: str = ""
    #: the console for trainees, with drills only; 0 = none, and trainees sign in where all do
    drill_port: int = Field(default=0, ge=0, le=65535)
    drill_host: str = "127.0.0.1"
    #: how trainees reach it; empty = http://drill_host:drill_port
    drill_url: str = ""

    @field_validator("signing_key")
    @classmethod
    def _can_sign(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            signature.check(value.get_secret_value())
        return value


class Approval(_Section):
    """`[approval]`: how many people an alert needs. Actual always needs two."""

    exercise: Literal[1, 2] = 2
    #: seconds within which an approved alert must have begun; later it needs approval anew
    lapse: float = Field(default=900.0, gt=0)
    #: seconds in which an emergency override can be taken back before anything goes out
    hold: float = Field(default=15.0, ge=0, le=60)
    #: an emergency override needs a code of its author's second factor
    override_code: bool = True
    #: how often in an hour one person may send a real alert alone; then another one must approve
    overrides_per_hour: int = Field(default=1, ge=1, le=60)
    #: real alerts that may be approved in an hour before somebody who administers must agree to more
    real_per_hour: int = Field(default=12, ge=1)
    #: two people confirm what changed in the sections that send, before real alerts go by it; false = nobody does
    confirm_settings: bool = True
    #: "required" = who may approve, send or administer does nothing else before they have set one up
    second_factor: Literal["optional", "required"] = "optional"


class Worker(_Section):
    """`[worker]`: how many send, and the time limits of the dispatch, in seconds."""

    #: workers that `alertd up` starts, which share the work; 0 = one for each processor, at most 4
    processes: int = Field(default=0, ge=0, le=16)
    #: how long a claim holds without being renewed; recovery after the death of another machine takes this long
    lease: float = Field(default=8.0, gt=0)
    #: when nobody has looked at due work for so long, the relay dispatches by itself
    patience: float = Field(default=10.0, gt=0)
    #: between two link tests of each channel, which nobody hears; 0 = none
    probe_every: float = Field(default=300.0, ge=0)


class Audit(_Section):
    """`[audit]`: the record of who did what."""

    #: a file that gets the head of the audit trail every minute that it grows; best on another disk
    anchors: Path | None = None


class Paper(_Section):
    """`[paper]`: what is printed."""

    #: a TrueType font with Japanese, put into each sheet; none = one that the system has
    font: Path | None = None


class Drill(_Section):
    """`[drill]`: scheduled drills (docs/drills.md)."""

    #: the group of the city's own staff, for `audience: staff`
    staff_group: str = "職員"
    #: the group of those who want drills, for `audience: subscribers`
    subscribers_group: str = "訓練参加者"
    #: drills go only over sections that carry no real alert: their own sender, caller id and credentials
    separate: bool = True


class Subscribe(_Section):
    """`[subscribe]`: residents register by themselves; limits hold over all processes."""

    #: the channel section whose mail relay carries letters; empty = the first of kind `email`, real before drill
    channel: str = ""
    #: how long the link in a letter works, in hours
    link_hours: float = Field(default=24.0, gt=0)
    #: letters that nobody has answered yet, to one address in an hour
    per_address_hour: int = Field(default=1, ge=1)
    #: the same in a day
    per_address_day: int = Field(default=3, ge=1)
    #: the same to one mail domain in an hour
    per_domain_hour: int = Field(default=1000, ge=1)
    #: requests from one network (/24, /48) in an hour; carriers put thousands of people behind one
    per_network_hour: int = Field(default=200, ge=1)
    #: requests in all in an hour
    per_hour: int = Field(default=5000, ge=1)
    #: reverse proxies whose `X-Forwarded-For` is believed
    proxies: tuple[str, ...] = ()
    #: the alarm goes on when more leave in an hour than this part of the list, and more than twenty
    leaving_alarm: float = Field(default=0.01, gt=0)


class Monitoring(_Section):
    """`[monitoring]`: who may ask the public pages for `/readyz` and `/metrics`; nobody by default."""

    #: networks whose machines may ask, as in `192.0.2.0/28`; not through a proxy
    networks: tuple[IPvAnyNetwork, ...] = ()
    #: whoever has it may ask (`Authorization: Bearer …`); in the file it is `token_file`
    token: SecretStr | None = None


class Feeds(_Section):
    """`[feeds]`: what is taken in from other systems. It makes drafts, and never sends."""

    #: Atom or RSS lists of CAP documents, and CAP documents themselves
    cap: tuple[str, ...] = ()
    #: the CAP senders that are taken in from these lists and from the API
    senders: tuple[str, ...] = ()
    #: Atom lists of the Meteorological Agency (気象庁防災情報XML)
    jma: tuple[str, ...] = ()
    #: seconds between two looks at a list; JMA asks for a minute at least
    every: float = Field(default=60.0, ge=60)
    #: JMA's codes of the municipality, its district, its region and its prefecture, smallest first
    areas: tuple[str, ...] = Field(default=("1520400", "150022", "150020", "150000"), min_length=1)
    #: JMA's codes of coasts that concern the city; none = it lies inland
    coasts: tuple[str, ...] = ()
    #: the seismic intensity in the municipality from which a draft is made: 1 to 4, 5-, 5+, 6-, 6+, 7
    intensity: Literal["1", "2", "3", "4", "5-", "5+", "6-", "6+", "7"] = "4"
    #: addresses that are told what happens to alerts, signed; `alertd token hook-secret` shows their key
    hooks: tuple[str, ...] = ()
    #: networks of the city's own in which such servers may stand; others that are not public are refused
    inside: tuple[str, ...] = ()

    @field_validator("inside")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        networks(value)
        return value


class Retention(_Section):
    """`[retention]`: after how many days `alertd retention run` takes away what names people."""

    #: a mail address that left; a keyed hash stays, so that no list brings it back
    mail_days: int = Field(default=30, ge=1)
    #: a telephone number or any other contact that left
    number_days: int = Field(default=365, ge=1)
    #: what far ends said of a delivery, in their words, and their reference of it
    receipt_days: int = Field(default=365, ge=1)
    #: deliveries and receipts of an alert that is over: then only their counts are left
    delivery_days: int = Field(default=365, ge=1)
    #: notes of those who went to a door
    note_days: int = Field(default=365, ge=1)
    #: sounds of alerts that are over; their words and hashes stay
    sound_days: int = Field(default=90, ge=1)


class Announce(_Section):
    """`[announce]`: who is told that a real alert has begun, by a way that alerts do not use."""

    #: name -> mail address of everybody who may approve, and of whom else it concerns; empty = nobody by mail
    to: Mapping[str, str] = Field(default_factory=dict)
    #: a mail server of its own, not the one that alerts go by; empty = no mail
    host: str = ""
    port: int = Field(default=587, ge=1, le=65535)
    tls: Literal["none", "starttls", "tls"] = "starttls"
    username: str = ""
    #: in the file it is `password_file`
    password: SecretStr | None = None
    #: the address that these mails come from
    sender: str = ""
    #: a webhook that is told too, signed as those of `[feeds]`
    url: str = ""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if bool(self.host) != bool(self.to) or (self.host and not self.sender):
            raise ValueError("needs host, sender and to together")
        if any("@" not in address or set(address) & set("\r\n,<> ") for address in self.to.values()):
            raise ValueError('needs plain addresses in to, such as "承認 太郎" = "taro@example.jp"')
        return self


class Inbox(_Section):
    """`[inbox]`: the listener for mail that comes in: blank mails, bounces, canaries."""

    host: str = "127.0.0.1"
    #: 0 = `alertd up` starts no listener
    port: int = Field(default=0, ge=0, le=65535)
    #: what the receiving mail server speaks to us: `lmtp` or `smtp`
    protocol: Literal["lmtp", "smtp"] = "lmtp"
    #: addresses at which a blank mail asks to register
    blank_mail: tuple[str, ...] = ()
    #: receiving servers whose `Authentication-Results` are believed (RFC 8601 authserv-id)
    authserv: tuple[str, ...] = ()
    #: mailboxes at carriers whose mail is forwarded to this listener
    canaries: tuple[str, ...] = ()
    #: minutes from one canary mail to the next
    canary_every: float = Field(default=30.0, gt=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A checked configuration. Relative paths are relative to the file's folder."""

    #: the file, None = built in
    file: Path | None
    city: City
    storage: Path
    #: holds the password
    database_url: str = field(repr=False)
    broker_url: str = field(repr=False)
    web: Web
    approval: Approval
    worker: Worker
    channels: Mapping[str, ChannelSettings]
    #: `[presets]`: codes of areas that are often alerted together, by the name that operators press
    presets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: `[checklist.ID]`: what staff does by hand after an alert; no section = the list that is built in
    checklist: Mapping[str, CheckItem] = field(default_factory=lambda: DEFAULT)
    paper: Paper = field(default_factory=Paper)
    drill: Drill = field(default_factory=Drill)
    audit: Audit = field(default_factory=Audit)
    subscribe: Subscribe = field(default_factory=Subscribe)
    inbox: Inbox = field(default_factory=Inbox)
    feeds: Feeds = field(default_factory=Feeds)
    retention: Retention = field(default_factory=Retention)
    monitoring: Monitoring = field(default_factory=Monitoring)
    announce: Announce = field(default_factory=Announce)
    #: the sections as they stand in the file, where this process has its share of them only
    undivided: Mapping[str, ChannelSettings] | None = None
    #: of the console for trainees: it has drill channels only
    drills_only: bool = False

    @property
    def public_url(self) -> str:
        """The base of every URL that is shown outside, without a slash at its end."""
        base = self.web.public_url or f"http://{self.web.public_host}:{self.web.public_port}"
        return base.rstrip("/")

    @property
    def sections(self) -> Mapping[str, ChannelSettings]:
        """The channel sections as they stand in the file."""
        return self.channels if self.undivided is None else self.undivided

    @property
    def console_url(self) -> str:
        """Where operators find the console."""
        return (self.web.url or f"http://{self.web.host}:{self.web.port}").rstrip("/")

    @property
    def embedded_broker(self) -> bool:
        """Whether `alertd up` starts the broker itself."""
        return self.broker_url == "embedded"

    @property
    def broker_socket(self) -> Path:
        """The private socket of the embedded broker; in the folder for temporary files when `storage` is deep."""
        path = self.storage.resolve() / "broker" / "valkey.sock"
        if len(os.fsencode(path)) <= _LONGEST_SOCKET:
            return path
        name = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"alertd-{os.getuid()}-{name}" / "valkey.sock"


def shared(config: Config, senders: int) -> Config:
    """The configuration of one of so many senders on this machine, which have each section's limits together."""
    channels = {name: settings.shared(senders) for name, settings in config.channels.items()}
    return replace(config, channels=channels, undivided=config.sections)


_TOP: dict[str, type[BaseModel]] = {
    "city": City,
    "database": Database,
    "broker": Broker,
    "web": Web,
    "approval": Approval,
    "worker": Worker,
    "paper": Paper,
    "drill": Drill,
    "audit": Audit,
    "subscribe": Subscribe,
    "inbox": Inbox,
    "feeds": Feeds,
    "retention": Retention,
    "monitoring": Monitoring,
    "announce": Announce,
}


def find(option: Path | None) -> Path | None:
    """The configuration file to read: the option, else the variable, else `alertd.toml` here, else built in."""
    if option is not None:
        return option
    named = os.environ.get(VARIABLE)
    if named == BUILT_IN:
        return None
    if named:
        return Path(named)
    here = Path(DEFAULT_FILE)
    return here if here.exists() else None


def load(file: Path | None) -> Config:
    """The configuration in `file`, or the built-in one. Raises WrongConfiguration with every mistake."""
    if file is None:
        folder, where = Path(str(files("alertd"))), "the built-in configuration"
        document = folder.joinpath("built_in.toml").read_bytes()
    else:
        try:
            document = file.read_bytes()
        except OSError as error:
            raise WrongConfiguration(
                f"cannot read the configuration {file}: {error.strerror}; name another one with --config FILE"
            ) from error
        folder, where = file.resolve().parent, str(file)
    try:
        tables = tomllib.loads(document.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrongConfiguration(f"{where} is not TOML: {error}") from error
    if file is None:  # its secrets lie beside it, what it stores lies here
        tables = {"storage": str(Path.cwd() / "var"), **tables}
    return read(tables, folder=folder, file=file)


def read(tables: Mapping[str, object], *, folder: Path, file: Path | None = None) -> Config:
    """The configuration in parsed TOML. Raises WrongConfiguration with every mistake."""
    problems: list[Problem] = []
    known = {*_TOP, "channels", "presets", "checklist", "storage"}
    for name in tables:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f'; did you mean "{near[0]}"?' if near else f"; there are: {', '.join(sorted(known))}"
            problems.append(Problem(name, f'unknown key "{name}"{hint}'))
    sections: dict[str, BaseModel] = {}
    for name, model in _TOP.items():
        try:
            sections[name] = read_settings(model, _table(tables, name), name, folder=folder)
        except WrongConfiguration as error:
            problems += error.problems
    paper = sections.get("paper")
    if isinstance(paper, Paper) and paper.font is not None:
        sections["paper"] = Paper(font=folder / paper.font)
    audit = sections.get("audit")
    if isinstance(audit, Audit) and audit.anchors is not None:
        sections["audit"] = Audit(anchors=folder / audit.anchors)
    channels: dict[str, ChannelSettings] = {}
    try:
        for name, table in _table(tables, "channels").items():
            try:
                if not isinstance(table, Mapping):
                    raise WrongConfiguration(
                        Problem(f"channels.{name}", f"write a section [channels.{name}]")
                    )
                channels[name] = channel_settings(name, table, folder)
            except WrongConfiguration as error:
                problems += error.problems
    except WrongConfiguration as error:
        problems += error.problems
    storage = tables.get("storage", "var")
    if not isinstance(storage, str):
        problems.append(Problem("storage", "must be the path of a folder in quotes"))
    presets: dict[str, tuple[str, ...]] = {}
    try:
        presets = _presets(_table(tables, "presets"))
    except WrongConfiguration as error:
        problems += error.problems
    checklist: dict[str, CheckItem] = {}
    try:
        for name, table in _table(tables, "checklist").items():
            checklist[name] = read_settings(CheckItem, _table({name: table}, name), f"checklist.{name}")
    except WrongConfiguration as error:
        problems += error.problems
    if problems:
        raise WrongConfiguration(problems)
    return replace(
        _config(sections, channels, folder / str(storage), file),
        presets=presets,
        checklist=checklist if "checklist" in tables else DEFAULT,
    )


def _config(
    sections: Mapping[str, BaseModel],
    channels: Mapping[str, ChannelSettings],
    storage: Path,
    file: Path | None,
) -> Config:
    city, database, broker = sections["city"], sections["database"], sections["broker"]
    web, approval, worker = sections["web"], sections["approval"], sections["worker"]
    assert isinstance(city, City) and isinstance(database, Database) and isinstance(broker, Broker)
    assert isinstance(web, Web) and isinstance(approval, Approval) and isinstance(worker, Worker)
    drill = sections["drill"]
    assert isinstance(drill, Drill)
    paper, audit = sections["paper"], sections["audit"]
    assert isinstance(paper, Paper) and isinstance(audit, Audit)
    subscribe, inbox = sections["subscribe"], sections["inbox"]
    assert isinstance(subscribe, Subscribe) and isinstance(inbox, Inbox)
    feeds = sections["feeds"]
    monitoring, announce = sections["monitoring"], sections["announce"]
    assert isinstance(announce, Announce)
    assert isinstance(feeds, Feeds) and isinstance(monitoring, Monitoring)
    retention = sections["retention"]
    assert isinstance(retention, Retention)
    return Config(
        file=file,
        city=city,
        storage=storage,
        database_url=_with_password(database) or f"sqlite:///{storage / 'alertd.db'}",
        broker_url=broker.url,
        web=web,
        approval=approval,
        worker=worker,
        channels=channels,
        paper=paper,
        drill=drill,
        audit=audit,
        subscribe=subscribe,
        inbox=inbox,
        feeds=feeds,
        retention=retention,
        monitoring=monitoring,
        announce=announce,
    )


def _presets(table: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    """Areas by the name of their preset."""
    for name, codes in table.items():
        if not isinstance(codes, list) or not codes or not all(isinstance(code, str) for code in codes):
            raise WrongConfiguration(
                Problem(f"presets.{name}", 'write a list of area codes, such as ["RHK", "RNN"]')
            )
    return {name: tuple(codes) for name, codes in table.items() if isinstance(codes, list)}


def _with_password(database: Database) -> str:
    if database.password is None or not database.url:
        return database.url
    from sqlalchemy import make_url  # takes half a second, and few files have a password

    url = make_url(database.url).set(password=database.password.get_secret_value())
    return url.render_as_string(hide_password=False)


def _table(tables: Mapping[str, object], name: str) -> Mapping[str, object]:
    table = tables.get(name, {})
    if not isinstance(table, Mapping):
        raise WrongConfiguration(Problem(name, f"write a section [{name}]"))
    return table
