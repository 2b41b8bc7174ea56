"""What ways of storing KV cost: KL from exact KV, in nats a token, over 40 tokens that the model goes on with.

    pip install gguf numpy
    python3 tools/accept/stored_kv.py FOLDER smollm2 qwen gemma

60 tokens of `npm run accept` are read, their keys and values stored and read back, and the rest is computed behind
them, by the exact forward pass of exact.py.
"""
import json
import sys
from pathlib import Path

import numpy as np
from exact import ROOT, Model

READ = 60
GOES_ON = 40


def stored(x, group, levels):
    """One scale a group, symmetric."""
    grouped = x.reshape(*x.shape[:-1], -1, group).astype(np.float64)
    scale = np.maximum(np.abs(grouped).max(-1, keepdims=True) / levels, 1e-30)
    return (np.round(grouped / scale) * scale).reshape(x.shape).astype(np.float32)


def stored_from(x, group, levels):
    """A scale and an offset a group."""
    grouped = x.reshape(*x.shape[:-1], -1, group).astype(np.float64)
    least = grouped.min(-1, keepdims=True)
    scale = np.maximum((grouped.max(-1, keepdims=True) - least) / levels, 1e-30)
    back = np.round((grouped - least) / scale) * scale + least
    return back.reshape(x.shape).astype(np.float32)


def hadamard(size):
    matrix = np.ones((1, 1), np.float32)
    while matrix.shape[0] < size:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    return matrix / np.sqrt(np.float32(size))


def ways(head_dim):
    turn = hadamard(head_dim)
    turned = lambda store: lambda x: store(x @ turn) @ turn
    int8 = lambda x: stored(x, head_dim, 127)
    int8_32 = lambda x: stored(x, 32, 127)
    int4_32 = lambda x: stored_from(x, 32, 15)
    return {
        "int8, a scale a head": (int8, int8),
        "int8, a scale a head, rotated": (turned(int8), turned(int8)),
        "int8, a scale for 32": (int8_32, int8_32),
        "int4, scale and offset for 32": (int4_32, int4_32),
        "int4, scale and offset for 32, rotated": (turned(int4_32), turned(int4_32)),
        "K int8, V int4, rotated": (turned(int8), turned(int4_32)),
    }


def main(folder, keys):
    for key in keys:
        golden = json.loads((ROOT / "test/accept/golden" / f"{key}.json").read_text())
        model = Model(Path(folder) / golden["file"])
        random = np.random.default_rng(1)
        draw = lambda scores: int(random.choice(len(scores), p=soft(scores)))
        soft = lambda scores: np.exp(scores / 0.8) / np.exp(scores / 0.8).sum()
        tokens = []
        for chat in golden["chats"]:
            tokens += chat["tokens"] if not tokens else chat["tokens"][1:]
        tokens = tokens[:READ]
        cache = model.new_cache()
        scores = model.run(tokens, cache)
        while len(tokens) < READ:
            tokens.append(draw(scores))
            scores = model.run(tokens[-1:], cache)
        read = list(cache)
        said, exact = [], []
        for _ in range(GOES_ON):
            said.append(draw(scores))
            scores = model.run(said[-1:], cache)
            exact.append(scores)
        for name, (store_k, store_v) in ways(model.head_dim).items():
            cache = [(store_k(k), store_v(v)) for k, v in read]
            found = [model.run([token], cache) for token in said]
            kl = [(np.exp(p) * (p - q)).sum() for p, q in zip(exact, found)]
            print(f"{key:8} {name:40} {np.mean(kl):.1e} (most {max(kl):.1e})", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
