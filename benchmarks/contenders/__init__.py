"""Who computes gradients through time in ``benchmarks/library.py``, and of what.

Each contender makes, of a problem, a function without arguments that returns the gradients of the
loss with respect to every output h_t, time first, and to kernel, recurrent kernel and bias.
"""

from __future__ import annotations

import numpy as np

import unrolled

FEATURES = 8
CELLS = {"tanh": unrolled.SimpleRNNCell, "LSTM": unrolled.LSTMCell, "GRU": unrolled.GRUCell}


class Problem:
    """A cell, sequences, and a loss that weighs the entries of the last output."""

    def __init__(self, kind, size, dtype, **options):
        batch, self.time, units = size
        rng = np.random.default_rng(0)
        self.kind, self.dtype = kind, dtype
        self.cell = CELLS[kind].initialize(FEATURES, units, rng, dtype=dtype, **options)
        self.x = rng.normal(size=(batch, self.time, FEATURES)).astype(dtype)
        self.weighting = rng.normal(size=(batch, units)).astype(dtype)

    def floor(self, rate):
        """Seconds of the matrix products alone, each at the rate of a large one."""
        batch, units, columns = len(self.x), self.cell.units, self.cell.kernel.shape[1]
        # Forward: x @ kernel and h @ recurrent_kernel. Back: dz @ recurrent_kernel.T and weights.
        multiplications = batch * self.time * columns * (2 * FEATURES + 3 * units)
        return 2 * multiplications / rate


def with_unrolled(p):
    def run():
        states, cache = unrolled.unroll(p.cell, p.x)
        d_states = np.zeros_like(states)
        d_states[:, -1, : p.cell.units] = p.weighting
        gradients = unrolled.backpropagate_through_time(p.cell, cache, d_states)
        return gradients.states[..., : p.cell.units].swapaxes(0, 1), *gradients.weights

    return run


def with_keras(p, **function):
    """`GradientTape` over a Keras cell, step by step; in a `tf.function` if `function` says so."""
    import keras
    import tensorflow as tf

    layers = {"tanh": "SimpleRNNCell", "LSTM": "LSTMCell", "GRU": "GRUCell"}
    cell = getattr(keras.layers, layers[p.kind])(p.cell.units, dtype=p.dtype)
    cell.build((None, FEATURES))
    cell.set_weights(p.cell.weights)
    weights = [variable.value for variable in cell.trainable_variables]
    x, weighting = tf.constant(p.x), tf.constant(p.weighting)

    def run():
        with tf.GradientTape() as tape:
            state, outputs = cell.get_initial_state(len(p.x)), []
            for x_t in tf.unstack(x, axis=1):
                h, state = cell(x_t, state)
                outputs.append(h)
            loss = tf.reduce_sum(h * weighting)
        d_outputs, d_weights = tape.gradient(loss, (outputs, weights))
        return tf.stack(d_outputs), *d_weights

    return tf.function(run, **function) if function else run


def with_jax(p):
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", p.dtype == "float64")
    n, x, weighting = p.cell.units, jnp.asarray(p.x.swapaxes(0, 1)), jnp.asarray(p.weighting)
    sigmoid = jax.nn.sigmoid

    def tanh_step(weights, state, z):
        return jnp.tanh(z + state @ weights[1])

    def lstm_step(weights, state, z):
        z = z + state[:, :n] @ weights[1]
        i, f, g, o = jnp.split(z, 4, axis=1)
        c = sigmoid(f) * state[:, n:] + sigmoid(i) * jnp.tanh(g)
        return jnp.concatenate((sigmoid(o) * jnp.tanh(c), c), axis=1)

    def gru_step(weights, state, z):
        recurrent = state @ weights[1] + weights[2][1]
        update = sigmoid(z[:, :n] + recurrent[:, :n])
        reset = sigmoid(z[:, n : 2 * n] + recurrent[:, n : 2 * n])
        g = jnp.tanh(z[:, 2 * n :] + reset * recurrent[:, 2 * n :])
        return update * state + (1 - update) * g

    step = {"tanh": tanh_step, "LSTM": lstm_step, "GRU": gru_step}[p.kind]

    def loss(nudges, weights):  # the gradient by a nudge of 0 is that by the state it is added to
        projected = x @ weights[0] + jnp.atleast_2d(weights[2])[0]

        def body(state, inputs):
            return step(weights, state, inputs[0]) + inputs[1], None

        last, _ = jax.lax.scan(body, jnp.zeros_like(nudges[0]), (projected, nudges))
        return jnp.sum(last[:, :n] * weighting)

    gradient = jax.jit(jax.grad(loss, argnums=(0, 1)))
    nudges = jnp.zeros((p.time, len(p.x), p.cell.state_size), p.dtype)
    weights = tuple(map(jnp.asarray, p.cell.weights))

    def run():
        d_states, d_weights = jax.block_until_ready(gradient(nudges, weights))
        return d_states[..., :n], *d_weights

    return run


def with_pytorch(p):
    import torch

    n = p.cell.units
    modules = {"tanh": torch.nn.RNNCell, "LSTM": torch.nn.LSTMCell, "GRU": torch.nn.GRUCell}
    cell = modules[p.kind](FEATURES, n, dtype=getattr(torch, p.dtype))
    # PyTorch's GRU has its blocks in the order r, z, g, and every cell has two biases.
    order = np.r_[n : 2 * n, :n, 2 * n : 3 * n] if p.kind == "GRU" else slice(None)
    kernel, recurrent_kernel, bias = p.cell.weights
    both = bias if bias.ndim == 2 else np.stack((bias, np.zeros_like(bias)))
    parts = kernel.T[order], recurrent_kernel.T[order], both[0][order], both[1][order]
    with torch.no_grad():
        for parameter, part in zip(cell.parameters(), parts, strict=True):
            parameter.copy_(torch.tensor(part))
    x, weighting = torch.tensor(p.x), torch.tensor(p.weighting)

    def run():
        state, outputs = None, []
        for x_t in x.unbind(1):
            state = cell(x_t, state)
            outputs.append(state[0] if p.kind == "LSTM" else state)
        loss = (outputs[-1] * weighting).sum()
        d_all = torch.autograd.grad(loss, [*outputs, *cell.parameters()])
        d_kernel, d_recurrent_kernel, d_bias, d_recurrent_bias = d_all[p.time :]
        both = torch.stack((d_bias, d_recurrent_bias)) if p.kind == "GRU" else d_bias
        return torch.stack(d_all[: p.time]), d_kernel, d_recurrent_kernel, both

    return run


#: Under its name each contender and the package that it needs.
CONTENDERS = {
    "unrolled": (with_unrolled, "numpy"),
    "Keras cell, eager": (with_keras, "keras"),
    "  in tf.function": (lambda p: with_keras(p, jit_compile=False), "keras"),
    "  with XLA": (lambda p: with_keras(p, jit_compile=True), "keras"),
    "JAX, jit and scan": (with_jax, "jax"),
    "PyTorch cell": (with_pytorch, "torch"),
}
