"""The index of a search: which words stand where. It is read by search.js.

Words count as the same if they have the same stem; the reader's browser needs no stemmer, since
the index lists all forms that occur. Texts lie in a file for each page, loaded for results only.
"""

import json
import re
from collections import Counter, defaultdict
from functools import lru_cache
from string import ascii_lowercase, digits
from unicodedata import normalize

import snowballstemmer

WORD = re.compile(r"[^\W_]+(?:_[^\W_]+)*")
#: Words that stand everywhere, and so tell nothing.
COMMON = """
    a about after all also am an and any are as at be because been before both but by can did do
    does done each example explain for from had has have here how i if in into is it its list may me
    more most much my nor of on one only or other our own same see should so some such than that the
    their them then there these they this those through to too two up us use used was we were
    what when where versus vs which while who why will with would write you your"""
STOP = frozenset(COMMON.split())
FEW = 2  #: sentences
LITTLE = 0.5  #: weight of a page
LONG = re.compile(r"[^\W\d_]\w{1,30}")  #: what tells something: no number, no letter alone
MANY, SOME = 4, 2  #: times that a word stands in a text
stem = lru_cache(None)(snowballstemmer.stemmer("english").stemWord)


def words(text):
    """The words of a text in their order, in small letters; of ``a_b`` also its parts.

    >>> words("The Gradients of gradient_flow: W_hh, 2 × 3")
    ['the', 'gradients', 'of', 'gradient_flow', 'gradient', 'flow', 'w_hh', '2', '3']
    """
    found = []
    for word in WORD.findall(normalize("NFKC", text).lower().replace("’", "'")):
        parts = [part for part in word.split("_") if len(part) > 2] if "_" in word else []
        found += [word, *parts]
    return found


def counted(entry):
    """How often each word stands in the text of an entry; digits and common words do not count.

    Of an object of the reference its first sentence says what it is; the parameters that follow are
    called alike in many.
    """
    said = entry.sentences[:FEW] if entry.kind == "object" else entry.sentences
    counts = Counter(word for sentence in said for word in words(sentence))
    return {w: n for w, n in counts.items() if w not in STOP and LONG.fullmatch(w)}


def index_of(pages, known):
    """The index as JSON, of the name, address, entries, and words of each entry, of each page.

    The author knows groups of words of the ``same`` meaning, other names of pages as ``also``, and
    a ``weight`` for pages (a name ending in ``*`` stands for many). The index has ``pages``: [name,
    address, weight, other names]; ``entries``: [page, kind, anchor, title or nothing if it is the
    anchor]; ``words``: for each stem its forms, then the entries that it stands in, as differences,
    with a point for words that stand there often; ``same``: the groups.
    """
    rows, entries, forms, places = [], [], defaultdict(set), defaultdict(Counter)
    for number, (name, address, found, counts) in enumerate(pages):
        also = known.get("also", {}).get(name, [])
        rows.append([name, address, _weight(name, known.get("weight", {})), also])
        for entry, words_of_entry in zip(found, counts, strict=True):
            for word, times in words_of_entry.items():
                root = stem(word)
                forms[root].add(word)
                places[root][len(entries)] += times
            title = "" if entry.title == entry.anchor else entry.title
            entries.append([number, entry.kind[0], entry.anchor, title])
    for root in _rare(places, {n for n, e in enumerate(entries) if rows[e[0]][2] < LITTLE}):
        del places[root], forms[root]
    for title in [e[3] or e[2] for e in entries] + [name for row in rows for name in row[3]]:
        for word in words(title):
            forms[stem(word)].add(word)
    table = [[" ".join(sorted(forms[r])), _packed(places.get(r, {}))] for r in sorted(forms)]
    index = {"pages": rows, "entries": entries, "words": table, "same": known.get("same", [])}
    index["stop"] = " ".join(sorted(STOP))
    return json.dumps(index, ensure_ascii=False, separators=(",", ":"))


def _rare(places, entries):
    """Words that stand once only, in the text of one of some entries: few look for them there."""
    return [root for root, here in places.items() if len(here) == 1 and here.keys() <= entries]


def _weight(name, weights):
    for pattern, weight in weights.items():
        if name == pattern or (pattern.endswith("*") and name.startswith(pattern[:-1])):
            return weight
    return 1


def _packed(places):
    """Numbers of entries in base 36, each less the one before, with dots for many times."""
    parts, before = [], 0
    for place, times in sorted(places.items()):
        dots = (times >= SOME) + (times >= MANY)
        parts.append(_base36(place - before) + "." * dots)
        before = place
    return " ".join(parts)


def _base36(number):
    """As JavaScript's ``number.toString(36)``.

    >>> _base36(0), _base36(35), _base36(36), _base36(46655)
    ('0', 'z', '10', 'zzz')
    """
    rest, last = divmod(number, 36)
    return (_base36(rest) if rest else "") + (digits + ascii_lowercase)[last]
