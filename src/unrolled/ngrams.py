"""Count-based language models: what a recurrent network has to beat."""

from __future__ import annotations

import math
from collections import Counter, defaultdict


class NGramModel:
    """Interpolated n-gram model with Witten-Bell smoothing.

    The probability of character c after the context s mixes what was counted after s with the
    prediction from the context s' that is one character shorter:

    ``P(c | s) = (count(s c) + types(s) P(c | s')) / (count(s) + types(s))``

    where types(s) is the number of distinct characters seen after s. The shortest context, none at
    all, mixes with the uniform distribution over the vocabulary; a context never seen passes its
    whole weight on to s'.

    Parameters
    ----------
    text : str
        What to count.
    context : int
        How many characters of context to use; 0 is the unigram model.
    vocabulary : str
        All characters that may occur; those of `text` among them.

    Raises
    ------
    ValueError
        If `context` is negative or `text` holds a character that is not in the vocabulary.

    References
    ----------
    Witten and Bell (1991), "The zero-frequency problem", method C.

    Examples
    --------
    >>> model = NGramModel("hello", context=1, vocabulary="helo")
    >>> round(model.probability("e", "h"), 4)  # (1 + P(e)) / 2, P(e) = 2 / 9
    0.6111
    """

    def __init__(self, text: str, context: int, vocabulary: str) -> None:
        unknown = sorted(set(text) - set(vocabulary))
        if unknown:
            raise ValueError(f"expected a text of {vocabulary!r} only, got {unknown}")
        if context < 0:
            raise ValueError(f"expected a context of at least 0 characters, got {context}")
        self.context, self.vocabulary = context, frozenset(vocabulary)
        self.followers: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for length in range(context + 1):
            for end in range(length, len(text)):
                self.followers[text[end - length : end]][text[end]] += 1

    def probability(self, character: str, history: str) -> float:
        """Probability that `character` follows `history`, of which the last `context` count."""
        if character not in self.vocabulary:
            raise ValueError(f"expected a character of the vocabulary, got {character!r}")
        s = history[max(0, len(history) - self.context) :]
        shorter = self.probability(character, s[1:]) if s else 1 / len(self.vocabulary)
        counts = self.followers.get(s)
        if not counts:
            return shorter
        return (counts[character] + len(counts) * shorter) / (counts.total() + len(counts))

    def bits_per_character(self, text: str, *, skip: int = 0) -> float:
        """Mean number of bits, -log2 of the probability, over ``text[skip:]``.

        Parameters
        ----------
        text : str
            The text to predict, character by character, each from all that stand before it.
        skip : int
            How many characters to use as context only.

        Returns
        -------
        float
            Cross-entropy in bits a character.

        Raises
        ------
        ValueError
            If `skip` leaves nothing to predict, or a character is not in the vocabulary.
        """
        if not 0 <= skip < len(text):
            raise ValueError(f"expected 0 <= skip < {len(text)}, got {skip}")
        bits = 0.0
        for end in range(skip, len(text)):
            bits -= math.log2(self.probability(text[end], text[max(0, end - self.context) : end]))
        return bits / (len(text) - skip)
