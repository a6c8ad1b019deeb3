"""Days as people write them into a document, where only one day can be meant."""

import re
from datetime import date

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar enero janvier janeiro",
            "february feb februar febrero février fevrier fevereiro",
            "march mar märz maerz marzo mars março marco",
            "april apr abril avril",
            "may mai mayo maio",
            "june jun juni junio juin junho",
            "july jul juli julio juillet julho",
            "august aug agosto août aout",
            "september sep sept septiembre septembre setembro",
            "october oct oktober okt octubre octobre outubro",
            "november nov noviembre novembre novembro",
            "december dec dezember dez diciembre décembre decembre dezembro",
        ),
        1,
    )
    for name in names.split()
}
_ISO = re.compile(r"^(?P<y>\d{4})[-/.](?P<m>\d{1,2})(?:[-/.](?P<d>\d{1,2}))?(?:[T ].*)?$")
_GERMAN = re.compile(r"^(?P<d>\d{1,2})\.\s?(?P<m>\d{1,2})\.\s?(?P<y>\d{4})$")
_SLASHED = re.compile(r"^(?P<a>\d{1,2})[/-](?P<b>\d{1,2})[/-](?P<y>\d{4})$")
_WORDS = re.compile(
    r"^(?:(?P<d>\d{1,2})(?:st|nd|rd|th|\.|er|º)?\s+(?:de\s+)?)?(?P<m>[^\W\d_]{3,10})\.?"
    r"(?:\s+(?P<d2>\d{1,2})(?:st|nd|rd|th)?)?,?\s+(?:de\s+)?(?P<y>\d{4})$"
)
_MONTH_FIRST = re.compile(r"^(?P<d>\d{1,2})-(?P<m>[^\W\d_]{3,10})-(?P<y>\d{4})$")


def parse_day(text: str) -> date | None:
    """The day of `2026-03-14`, `14 March 2026`, `March 14, 2026`, `14.03.2026`, `March 2026` (its first day);
    None for anything else, `03/04/2026` included, which is two days."""
    words = text.strip().strip("`*_[]()").strip()[:60]
    if found := _ISO.match(words):
        return _day(int(found["y"]), int(found["m"]), int(found["d"] or 1))
    if found := _GERMAN.match(words):
        return _day(int(found["y"]), int(found["m"]), int(found["d"]))
    if found := _SLASHED.match(words):
        first, second, year = int(found["a"]), int(found["b"]), int(found["y"])
        if first == second or second > 12:
            return _day(year, first, second)
        return _day(year, second, first) if first > 12 else None
    if (found := _WORDS.match(words)) and (month := _MONTHS.get(found["m"].casefold())):
        return _day(int(found["y"]), month, int(found["d"] or found["d2"] or 1))
    if (found := _MONTH_FIRST.match(words)) and (month := _MONTHS.get(found["m"].casefold())):
        return _day(int(found["y"]), month, int(found["d"]))
    return None


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
