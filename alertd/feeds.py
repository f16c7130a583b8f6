"""The feeds: lists of other systems, looked at within the courtesy that their owners ask for.

A list is asked whether it has changed (RFC 9110, chapter 13), once in `[feeds] every`
seconds over all processes; a document is fetched once, one after the other, and only
from the host of its list.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import timedelta
from urllib.parse import urljoin, urlsplit

from lxml import etree
from sqlalchemy import delete, select

from alertd import fetch, incoming, jma
from alertd.cap.older import version
from alertd.db import reading, writing
from alertd.errors import ChannelUnavailable, WrongInput
from alertd.incoming import Receipt, Taken
from alertd.outbound import Network, networks
from alertd.site import Site
from alertd.tables import FeedRow, FetchedRow

log = logging.getLogger(__name__)

#: documents in one look; the rest has its turn at the next
MOST = 20
#: after which a fetched address is forgotten; no list is that long
_KEPT = timedelta(days=14)


def poll(site: Site) -> list[Receipt]:
    """Looks at every list that is due; what came of each new document. A list that fails is tried again later."""
    taken: list[Receipt] = []
    for url in (*site.config.feeds.cap, *site.config.feeds.jma):
        try:
            taken += _look(site, url)
        except (ChannelUnavailable, WrongInput) as error:
            log.warning("a feed could not be read: %s", error)
            _note(site, url, trouble=str(error))
    return taken


def _look(site: Site, url: str) -> list[Receipt]:
    now = site.clock.now()
    with writing(site.engine) as session:
        row = session.get(FeedRow, url)
        if row is None:
            row = FeedRow(url=url, visited_at=now)
            session.add(row)
        elif row.visited_at > now - timedelta(seconds=site.config.feeds.every):
            return []
        row.visited_at = now
        session.execute(delete(FetchedRow).where(FetchedRow.fetched_at < now - _KEPT))
        etag, modified = row.etag, row.last_modified
    found = fetch.get(url, etag=etag, last_modified=modified, inside=_inside(site))
    taken, rest = ([], False) if found.body is None else _read(site, url, found.body)
    # with documents left over, the list is not known yet: the next look gets it whole
    _note(site, url, etag=None if rest else found.etag, last_modified=None if rest else found.last_modified)
    return taken


def _read(site: Site, url: str, body: bytes) -> tuple[list[Receipt], bool]:
    if version(body) is not None or jma.is_telegram(body):
        return [_take(site, url, body)], False
    with reading(site.engine) as session:
        known = set(session.scalars(select(FetchedRow.url)))
    fresh = [link for link in links(body, url) if link not in known]
    taken = []
    for link in fresh[:MOST]:
        with writing(site.engine) as session:
            session.add(FetchedRow(url=link, fetched_at=site.clock.now()))
        document = fetch.get(link, inside=_inside(site)).body
        if document is not None:
            taken.append(_take(site, url, document))
    return taken, len(fresh) > MOST


def _take(site: Site, url: str, document: bytes) -> Receipt:
    feeds = site.config.feeds
    try:
        return incoming.take(site, document, url, senders=feeds.senders, fresh=True)
    except WrongInput as error:
        log.warning("a document of a feed was refused: %s", error.problems[0].field)
        return Receipt(Taken.NOTED, None, str(error.problems[0]))


def _inside(site: Site) -> Sequence[Network]:
    return networks(site.config.feeds.inside)


def links(body: bytes, base: str) -> Sequence[str]:
    """The documents that an Atom or RSS list names, on the host of the list, in its order."""
    host = urlsplit(base)
    found = dict.fromkeys(urljoin(base, link) for link in _links(body))
    return [link for link in found if urlsplit(link)[:2] == host[:2] and len(link) <= 500]


def _links(body: bytes) -> Iterator[str]:
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise ChannelUnavailable("the list has a document type, which is refused")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ChannelUnavailable("the list is no XML") from error
    for entry in root.iter("{*}entry", "{*}item"):
        named = [child for child in entry.iterchildren("{*}link")]
        preferred = [one for one in named if one.get("type") in ("application/cap+xml", "application/xml")]
        for link in preferred[:1] or named[:1]:
            address = link.get("href") or "".join(str(part) for part in link.itertext()).strip()
            if address:
                yield address


def _note(
    site: Site,
    url: str,
    *,
    etag: str | None = None,
    last_modified: str | None = None,
    trouble: str | None = None,
) -> None:
    with writing(site.engine) as session:
        row = session.get_one(FeedRow, url)
        row.trouble = trouble[:300] if trouble else None
        if trouble is None:
            row.etag, row.last_modified, row.answered_at = etag, last_modified, site.clock.now()
