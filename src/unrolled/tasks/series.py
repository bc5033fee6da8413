"""Real measurements, one number a year."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np


class YearlySeries(NamedTuple):
    """One measurement for every year, without gaps."""

    years: np.ndarray  #: int, (time,)
    values: np.ndarray  #: float64, (time,)


def sunspots() -> YearlySeries:
    """Yearly mean sunspot numbers from 1700 to 2008: real data, shipped with the library.

    The relative sunspot number of Wolf (10 times the number of groups plus the number of spots,
    scaled between observers), averaged over the days of a year. It rises and falls in cycles of 9
    to 14 years. These are the numbers before their revision in 2015; source and licence stand in
    ``sunspots.source.txt`` beside the data.

    Returns
    -------
    YearlySeries
        309 years and as many non-negative numbers.

    References
    ----------
    Clette and Lefèvre (2016), "The new sunspot number: assembling all corrections", Solar Physics
    291, on the numbers and on their revision.

    Examples
    --------
    >>> years, numbers = sunspots()
    >>> print(years[0], years[-1], numbers[years == 1957])
    1700 2008 [190.2]
    """
    table = np.loadtxt(Path(__file__).with_name("sunspots.csv"), delimiter=",", skiprows=1)
    return YearlySeries(table[:, 0].astype(int), table[:, 1])
