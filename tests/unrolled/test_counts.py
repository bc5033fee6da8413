"""Words for counts: they follow the count, and refuse what is no count."""

import numpy as np
import pytest

from unrolled.counts import counted, share


@pytest.mark.parametrize(
    ("count", "total", "words", "word"),
    [
        (0, 20, "none of the 20", "none"),
        (1, 20, "1 of the 20", "few"),
        (2, 20, "2 of the 20", "some"),
        (8, 20, "8 of the 20", "about half"),
        (12, 20, "12 of the 20", "most"),
        (18, 20, "18 of the 20", "nearly all"),
        (20, 20, "all 20", "all"),
        (1, 3, "one of the three", "some"),
        (0, 2, "neither of the two", "none"),
        (2, 2, "both", "all"),
        (1, 1, "the one", "all"),
    ],
)
def test_words_follow_the_count(count, total, words, word):
    held = np.arange(total) < count
    assert (counted(held), share(held)) == (words, word)


@pytest.mark.parametrize("held", [[], [1, 0, 1], 0.9])
@pytest.mark.parametrize("words", [counted, share])
def test_anything_but_booleans_is_refused(words, held):
    with pytest.raises(ValueError, match="one boolean for each run"):
        words(held)
