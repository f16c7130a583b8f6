"""The evidence of a dispatch: its document, words, sounds and audit rows as files, each with its hash.

Holds no address and no number: whoever must show what was said and who let it go out
can hand it on.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from alertd import artefact, chronicle, store
from alertd.chronicle import Entry
from alertd.errors import NotFound
from alertd.papers import stored_hash
from alertd.tables import AlertRow, ArtefactRow, AuditRow, DispatchRow

#: audit rows that are kept
MOST = 5000
#: every file of an archive carries it, so that the same evidence is the same bytes
_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class File:
    """One file of the evidence."""

    name: str
    content: bytes

    @property
    def digest(self) -> str:
        """SHA-256 in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The words and the sound of one channel in one language."""

    row: ArtefactRow
    words: File
    #: None = there is none, or its file is gone
    sound: File | None

    @property
    def intact(self) -> bool:
        """Whether the sound that is kept is the one that was approved."""
        return self.row.audio_digest is None or (
            self.sound is not None and self.sound.digest == self.row.audio_digest
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that shows what a dispatch said and who let it go out."""

    row: DispatchRow
    document: File
    pieces: Sequence[Piece]
    trail: File
    #: in the order in which it happened
    entries: Sequence[Entry]
    #: over document and artefacts as they are stored now
    hash_now: str

    @property
    def intact(self) -> bool:
        """Whether what is stored is what was submitted, shown and approved."""
        return self.hash_now == self.row.content_hash and all(piece.intact for piece in self.pieces)

    @property
    def files(self) -> Sequence[File]:
        """Every file, each once."""
        sounds = {piece.sound.name: piece.sound for piece in self.pieces if piece.sound is not None}
        return [self.document, *(piece.words for piece in self.pieces), *sounds.values(), self.trail]


def evidence(session: Session, archive: Path, dispatch_id: int) -> Evidence:
    """The evidence of a dispatch; `archive` is where sounds are kept. Raises NotFound."""
    row = store.dispatch(session, dispatch_id)
    if row is None:
        raise NotFound(f"there is no dispatch {dispatch_id}; `alertd alert list` shows them")
    alert = session.get_one(AlertRow, row.alert_id)
    entries = chronicle.entries(session, dispatch=dispatch_id, limit=MOST)[::-1]
    return Evidence(
        row=row,
        document=File("alert.cap.xml", alert.document),
        pieces=[_piece(made, archive) for made in store.artefacts(session, dispatch_id)],
        trail=File("audit.jsonl", _trail(session, entries)),
        entries=entries,
        hash_now=stored_hash(session, row, alert),
    )


def packed(found: Evidence) -> bytes:
    """The files as a ZIP archive with their hashes as `sha256sum -c` reads them; same evidence, same bytes."""
    sums = "".join(f"{file.digest}  {file.name}\n" for file in found.files)
    summary = {
        "dispatch": found.row.id,
        "state": found.row.state,
        "content_hash": found.row.content_hash,
        "content_hash_of_what_is_stored": found.hash_now,
        "audience": found.row.audience,
        "audience_hash": found.row.audience_hash,
        "intact": found.intact,
    }
    written = [
        *found.files,
        File("SHA256SUMS", sums.encode()),
        File("evidence.json", json.dumps(summary, indent=1, ensure_ascii=False).encode()),
    ]
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in written:
            archive.writestr(zipfile.ZipInfo(file.name, _TIME), file.content, zipfile.ZIP_DEFLATED)
    return output.getvalue()


def _piece(row: ArtefactRow, archive: Path) -> Piece:
    said = [row.headline, row.text, row.short_text or "", row.reading or ""]
    heads = ("# headline", "# text", "# for answering machines", "# as it is read")
    words = "\n\n".join(f"{head}\n{text}" for head, text in zip(heads, said, strict=True) if text)
    path = artefact.archived(archive, row.audio_digest) if row.audio_digest is not None else None
    return Piece(
        row=row,
        words=File(f"words/{row.channel}.{row.language}.txt", f"{words}\n".encode()),
        sound=File(f"sounds/{path.name}", path.read_bytes()) if path is not None else None,
    )


def _trail(session: Session, entries: Sequence[Entry]) -> bytes:
    """The audit rows, one JSON object a line, with the hash of each and of the one before it."""
    lines = []
    for entry in entries:
        row = session.get_one(AuditRow, entry.number)
        lines.append(
            {
                "id": row.id,
                "at": row.at.isoformat(),
                "actor": row.actor,
                "action": row.action,
                "subject": row.subject,
                "detail": row.detail,
                "previous_hash": row.previous_hash,
                "entry_hash": row.entry_hash,
            }
        )
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines).encode()
