"""What a measurement of the gradient flow gives: an array for each state, and what goes with it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


class Flow(dict[str, np.ndarray]):
    """Gradients of a loss with respect to the states of recurrent layers, by name of state.

    A dictionary of arrays of shape (batch, time, ...units), which remembers besides what the loss
    was and, where they were measured, the gradients of the weights.

    Parameters
    ----------
    states : mapping of str to ndarray of shape (batch, time, ...)
        dL/ds_t for t = 1..time, in the order in which the layer reads its input.
    loss : float
        The value of the loss.
    backward : iterable of str
        Names of the states of layers that read the last input first.
    weights : mapping of str to ndarray, optional
        dL/dW of every trainable weight of the model, by its path.
    shares : mapping of str to ndarray of shape (time,), optional
        The share that each step contributes to dL/dW, for each weight of a measured layer:
        ``<dL/dW_t, dL/dW> / |dL/dW|^2``, where dL/dW is the sum of the dL/dW_t. The shares of one
        weight sum to 1; a negative one works against the sum.
    """

    def __init__(
        self,
        states: Mapping[str, np.ndarray],
        *,
        loss: float = float("nan"),
        backward: frozenset[str] = frozenset(),
        weights: Mapping[str, np.ndarray] | None = None,
        shares: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        super().__init__(states)
        self.loss, self.backward = loss, frozenset(backward)
        self.weights, self.shares = dict(weights or {}), dict(shares or {})

    def by_input(self) -> dict[str, np.ndarray]:
        """The arrays with step t of the input at place t, also where it is read backwards.

        Returns
        -------
        dict of str to ndarray of shape (batch, time, ...)

        Examples
        --------
        >>> flow = Flow({"both/backward_gru": np.array([[[3.0], [2.0]]])},
        ...             backward=frozenset({"both/backward_gru"}))
        >>> flow.by_input()["both/backward_gru"].ravel()
        array([2., 3.])
        """
        return {name: g[:, ::-1] if name in self.backward else g for name, g in self.items()}
