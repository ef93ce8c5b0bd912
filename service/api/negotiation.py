"""Which representation a request gets: ``?format=`` first, else its Accept header."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from service.api.problems import PROBLEM_JSON
from service.api.schemas import OCTETS
from service.errors import NotAcceptable
from service.imaging.depth_kind import DepthKind
from service.imaging.formats import FORMATS, OutputFormat, check_available, metres_demand

# In the records' order: what a caller without preferences gets, and who wins a tie.
_OFFERS = [(name, record.media_type) for name, record in FORMATS.items() if record.negotiates]
# Whoever takes bytes of any kind takes the first.
_OFFERS.append((_OFFERS[0][0], OCTETS))


@dataclass(frozen=True)
class _Range:
    type: str
    subtype: str
    quality: float

    @classmethod
    def parse(cls, text: str) -> _Range | None:
        media, *parameters = (part.strip() for part in text.lower().split(";"))
        kind, slash, subtype = media.partition("/")
        if not (kind and slash and subtype):
            return None
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                try:
                    quality = min(1.0, max(0.0, float(value)))
                except ValueError:
                    return None
        return cls(kind, subtype, quality)

    @property
    def is_of_errors(self) -> bool:
        """Whether it says nothing of answers: openapi-generator's clients send it alone."""
        return f"{self.type}/{self.subtype}" == PROBLEM_JSON and self.quality > 0

    def specificity(self, media_type: str) -> int:
        """3 for an exact match, 2 for ``type/*``, 1 for ``*/*``, 0 for none."""
        kind, _, subtype = media_type.partition("/")
        if (self.type, self.subtype) == (kind, subtype):
            return 3
        if (self.type, self.subtype) == (kind, "*"):
            return 2
        return 1 if (self.type, self.subtype) == ("*", "*") else 0


def choose_format(requested: OutputFormat | None, accept: str, kind: DepthKind) -> OutputFormat:
    """The representation to send (RFC 9110, section 12.5.1) of depth of this kind.

    Accept is offered what can hold it; whoever asks for a format by its name means that one.
    Raises :class:`NotAcceptable` when the Accept header allows none of those on offer, and
    :class:`InvalidParameter` for a format that needs a package which is missing; both name it.
    """
    if requested is not None:
        check_available(requested)
        return requested
    ranges = [r for r in map(_Range.parse, (accept or "*/*").split(",")) if r is not None]
    if ranges and all(r.is_of_errors for r in ranges):
        return _OFFERS[0][0]
    offers = [
        (name, media_type)
        for name, media_type in _OFFERS
        if FORMATS[name].is_available and FORMATS[name].holds(kind)
    ]
    best, media_type = max(offers, key=lambda offer: _quality(ranges, offer[1]))
    if _quality(ranges, media_type) <= 0:
        offered = ", ".join(media_type for _, media_type in offers)
        said = [
            f"Accept allows none of {offered}. Or choose with ?format=.",
            *_what_the_others_need(kind),
        ]
        raise NotAcceptable(" ".join(said))
    return best


def _what_the_others_need(kind: DepthKind) -> Iterator[str]:
    """A sentence for each format that cannot be offered."""
    for record in FORMATS.values():
        if record.needs is not None and not record.is_available:
            yield f"{record.media_type} {record.needs.demand}"
        elif record.negotiates and not record.holds(kind):
            yield metres_demand(record.media_type, kind)


def _quality(ranges: list[_Range], media_type: str) -> float:
    matches = [(r.specificity(media_type), r.quality) for r in ranges if r.specificity(media_type)]
    return max(matches)[1] if matches else 0.0
