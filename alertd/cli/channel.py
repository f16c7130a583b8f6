"""`alertd channel`: list and probe channels; hear what they would say."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import typer

from alertd import artefact, maintenance
from alertd.alert import Alert, Category, Certainty, Info, MsgType, NamedValue, Severity, Status, Urgency
from alertd.canary import last_heard
from alertd.channel import Probes
from alertd.cli.app import say
from alertd.cli.installation import ConfigOption, JsonFlag, prepare, print_json, settings
from alertd.cli.writing import wrong_use
from alertd.errors import ChannelError, Problem, VoiceUnavailable, WrongInput
from alertd.language import tag_of
from alertd.registry import channel_kinds
from alertd.site import Site
from alertd.store.subscriptions import KIND
from alertd.template import Spoken

app = typer.Typer(
    help="List and probe channels; hear what they would say.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)


@app.command("list")
def list_all(context: typer.Context, config: Path | None = ConfigOption, as_json: JsonFlag = False) -> None:
    """List the channels of the configuration, and what other kinds are installed.

    \b
    Example: alertd channel list
    """
    found = settings(context, config)
    rows = [
        {
            "name": name,
            "kind": section.kind,
            "carries": [str(status) for status in section.carries],
            "simulated": section.simulated,
        }
        for name, section in found.channels.items()
    ]
    if as_json:
        print_json(rows)
        return
    for name, section in found.channels.items():
        simulated = "\t模擬 simulated" if section.simulated else ""
        print(f"{name}\t{section.kind}\t{', '.join(section.carries)}{simulated}")
    if not rows:
        say("there is no channel; add a section [channels.NAME] to the configuration")
    others = sorted(set(channel_kinds()) - {section.kind for section in found.channels.values()})
    if others:
        say(f"installed without a section: {', '.join(others)}")


@app.command()
def probe(
    context: typer.Context,
    channel: list[str] = typer.Argument(None, metavar="[CHANNEL]...", help="Default: all."),
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """Try the way to each far end without anybody hearing it. Exit code 1 when one is down.

    \b
    Example: alertd channel probe mail
    """
    site = Site.open(settings(context, config))
    try:
        with wrong_use("CHANNEL"):
            names = [site.line(name).name for name in channel or site.settings]
        rows = [_probed(site, name) for name in names]
        for row, name in zip(rows, names, strict=True):
            if site.settings[name].reaches == KIND and site.config.inbox.canaries:
                prepare(site)
                row["message"] = f"{row['message']}; {last_heard(site)}"
    finally:
        site.close()
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            print(f"{row['name']}\t{'ok' if row['ok'] else 'DOWN'}\t{row['message']}")
    if not all(row["ok"] for row in rows):
        raise typer.Exit(1)


@app.command("say")
def speak(
    context: typer.Context,
    text: str = typer.Argument(
        metavar="TEXT", help="What is to be said once; greeting and repetition are added."
    ),
    channel: str = typer.Option(..., "--channel", metavar="C"),
    language: str = typer.Option("ja", "--lang", metavar="L", help="ja, ja-easy, en …"),
    output: Path = typer.Option(..., "-o", "--output", metavar="FILE.wav"),
    config: Path | None = ConfigOption,
    as_json: JsonFlag = False,
) -> None:
    """Make exactly the sound that the channel would send for these words.

    \b
    Example: alertd channel say --channel phone --lang ja "川の水が増えています。" -o call.wav
    """
    site = Site.open(settings(context, config))
    try:
        with wrong_use("--channel"):
            site.line(channel)
        traits = site.channel(channel).traits
        if traits.audio is None:
            raise typer.BadParameter(f"channel “{channel}” sends words, no sound", param_hint="--channel")
        made = artefact.prepare(
            _alert(site, channel, text, language),
            {channel: traits},
            {},
            site.config.city,
            site.synthesizer,
            site.config.storage / "audio",
        )
        sound = made[0].sound
        if sound is None:
            raise VoiceUnavailable(f"no voice could speak this in “{language}”; the lines above say why")
        try:
            shutil.copyfile(sound.path, output)
        except OSError as error:
            raise WrongInput(Problem("-o", f"cannot write {output}: {error.strerror}")) from error
    finally:
        site.close()
    if as_json:
        print_json(
            {
                "file": str(output),
                "digest": sound.digest,
                "seconds": sound.seconds,
                "voice": sound.voice,
                "reading": sound.reading,
                "unread": sound.unread,
            }
        )
        return
    say(f"{output}: {sound.seconds:.1f} s by {sound.voice}", sound.reading)
    if sound.unread:
        say(f"NOT READ ALOUD: {sound.unread}")


def _probed(site: Site, name: str) -> dict[str, object]:
    channel = site.channel(name)
    if not isinstance(channel, Probes):
        return {"name": name, "ok": True, "message": "this channel cannot be tried without being heard"}
    try:
        maintenance.admit(site)
        return {"name": name, "ok": True, "message": channel.probe()}
    except ChannelError as error:
        return {"name": name, "ok": False, "message": str(error)}


def _alert(site: Site, channel: str, text: str, language: str) -> Alert:
    """A free text as an alert: a real one where the channel carries such, else a drill."""
    carried = site.settings[channel].carries
    now = site.clock.now().replace(microsecond=0)
    return Alert(
        identifier="preview",
        sender=site.config.city.sender,
        sent=now,
        status=next(
            (status for status in (Status.ACTUAL, Status.EXERCISE) if status in carried), Status.TEST
        ),
        msg_type=MsgType.ALERT,
        infos=(
            Info(
                language=tag_of(language),
                event=text,
                headline=text,
                categories=(Category.SAFETY,),
                urgency=Urgency.UNKNOWN,
                severity=Severity.UNKNOWN,
                certainty=Certainty.UNKNOWN,
                expires=now + timedelta(hours=1),
                parameters=(NamedValue(Spoken.CALL, text),),
            ),
        ),
    )
