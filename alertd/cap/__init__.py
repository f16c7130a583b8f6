"""CAP documents: 1.2 and 1.1 read with suspicion, 1.2 written so that nobody finds fault.

Source: OASIS Common Alerting Protocol 1.2 (2010-07-01). A document from outside is
refused before it is parsed when it is large or brings a document type; it then has to
be valid against the OASIS schema and to keep the rules that a schema cannot express.
Signatures are not checked: who may hand in documents is for the caller to know.
"""

from __future__ import annotations

import re
import threading
from importlib import resources

from lxml import etree

from alertd.alert import Alert, MsgType
from alertd.cap.older import OLDER, lift, version
from alertd.cap.reader import read_alert, wrong
from alertd.cap.writer import NAMESPACE, write
from alertd.errors import Problem, WrongAlert

__all__ = ["LIMIT", "parse", "read_own", "version", "write"]

#: the largest document that is read, in bytes
LIMIT = 256 * 1024

#: libxml2 sets up its types at the first schema; two threads at once would spoil them for good
_ONE_SCHEMA = threading.Lock()

_DECLARED = re.compile(rb"^(?:\xef\xbb\xbf)?\s*<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_ENCODINGS = re.compile(r"utf-?8|utf-?16(le|be)?|us-ascii|iso-8859-\d+|windows-125\d|shift_jis|euc-jp", re.I)


def parse(document: bytes) -> Alert:
    """The alert that a CAP document of version 1.2, or 1.1, holds; `version` tells which.

    1. Refuse what is too large, has a document type, or an unusual encoding.
    2. Parse without entities, network or DTD; turn 1.1 into 1.2.
    3. Validate against the schema.
    4. Read, and check what the schema cannot say.

    Raises WrongAlert, naming the element and the remedy.
    """
    _refuse_danger(document)
    root = _tree(document)
    _validate(root)
    alert = read_alert(root)
    _check(alert)
    return alert


def read_own(document: bytes) -> Alert:
    """The alert in a document that `write` made: quicker, because nothing is in doubt."""
    return read_alert(_tree(document))


def _refuse_danger(document: bytes) -> None:
    if len(document) > LIMIT:
        raise wrong(
            "document",
            f"{len(document):,} bytes is too large; a CAP document may have {LIMIT:,}: link to large files instead",
            f"CAP文書が大きすぎます（{len(document):,}バイト）。{LIMIT:,}バイト以内にしてください。",
        )
    # without the zero bytes, UTF-16 and UTF-32 cannot hide the words
    flat = document.replace(b"\0", b"").upper()
    if b"<!DOCTYPE" in flat or b"<!ENTITY" in flat:
        raise wrong(
            "document",
            "it has a document type (<!DOCTYPE>), which CAP does not use and which is refused; remove it",
            "文書型宣言（<!DOCTYPE>）のあるCAP文書は受け付けません。宣言を削除してください。",
        )
    declared = _DECLARED.match(document)
    if declared and not _ENCODINGS.fullmatch(declared[1].decode("ascii")):
        raise wrong(
            "document",
            f"the encoding {declared[1].decode('ascii')} is not read; save the document as UTF-8",
            "この文字コードは読めません。UTF-8で保存してください。",
        )


def _tree(document: bytes) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise wrong(
            "document", f"it is not well-formed XML: {error}", f"XMLとして読めません（{error}）。"
        ) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise wrong("document", "it has a document type; remove it", "文書型宣言を削除してください。")
    name = etree.QName(root)
    if name.localname == "alert" and name.namespace == OLDER:
        lift(root)
    elif name.localname != "alert" or name.namespace != NAMESPACE:
        raise wrong(
            "alert",
            f"the outermost element is {name.localname} of namespace {name.namespace or 'none'}; "
            f"CAP 1.2 needs <alert xmlns='{NAMESPACE}'>",
            "CAP 1.2の文書ではありません。最初の要素と名前空間を確認してください。",
        )
    return root


def _validate(root: etree._Element) -> None:
    # a schema keeps the errors of its last document, so each document gets its own
    source = etree.fromstring(resources.files("alertd").joinpath("schema/cap-1.2.xsd").read_bytes())
    with _ONE_SCHEMA:
        schema = etree.XMLSchema(source)
    if schema.validate(root):
        return
    problems = []
    for error in list(schema.error_log)[:8]:
        message = re.sub(r"\{[^}]*\}", "", error.message)
        field = _place(root, error.path)
        problems.append(
            Problem(
                field, f"{message} (line {error.line})", f"CAP 1.2の決まりに合いません（{error.line}行目）。"
            )
        )
    raise WrongAlert(problems)


def _place(root: etree._Element, path: str | None) -> str:
    """The names of the elements down to the one at that XPath."""
    try:
        found = root.xpath(path) if path else []
    except etree.XPathError:  # the path has a prefix that is only declared further in
        found = []
    if not isinstance(found, list) or not found or not isinstance(found[0], etree._Element):
        return "alert"
    names: list[str] = []
    element: etree._Element | None = found[0]
    while element is not None:
        name = etree.QName(element).localname
        earlier = sum(1 for e in element.itersiblings(preceding=True) if e.tag == element.tag)
        names.append(f"{name}[{earlier + 1}]" if earlier else name)
        element = element.getparent()
    return "/".join(reversed(names))


def _check(alert: Alert) -> None:
    """The rules of CAP 3.2 that its schema does not express."""
    problems = []
    for field, text in (("identifier", alert.identifier), ("sender", alert.sender)):
        if re.search(r"[\s,<&]", text):
            problems.append(
                Problem(
                    f"alert/{field}",
                    "it has a space, a comma, < or &; CAP forbids them",
                    f"{field}に空白・コンマ・<・& は使えません。",
                )
            )
    follows = alert.msg_type in (MsgType.UPDATE, MsgType.CANCEL, MsgType.ACK, MsgType.ERROR)
    if follows and not alert.references:
        problems.append(
            Problem(
                "alert/references",
                f"{alert.msg_type} needs the documents that it refers to; add sender,identifier,sent",
                f"{alert.msg_type}には、対象となる文書の指定（references）が必要です。",
            )
        )
    if not alert.infos and alert.msg_type not in (MsgType.ACK, MsgType.ERROR):
        problems.append(
            Problem(
                "alert/info",
                "there is none, so there is nothing to say; add an <info> with headline and description",
                "<info>がないため、伝える内容がありません。見出しと本文を加えてください。",
            )
        )
    if problems:
        raise WrongAlert(problems)
