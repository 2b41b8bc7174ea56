"""An exact forward pass of a GGUF file in float32, and what it says to prompts: the golden files of `npm run accept`.

    node tools/accept/prompts.mjs FOLDER          writes the prompts' tokens to out/accept/
    pip install gguf numpy
    python3 tools/accept/exact.py FOLDER smollm2 qwen gemma

It shares no code with the runtime: weights are dequantised by the package gguf, and each formula is written from the
model's own description. Architectures: llama, qwen2, gemma3.
"""
import json
import sys
from pathlib import Path

import numpy as np
from gguf import GGUFReader, dequantize

ROOT = Path(__file__).resolve().parents[2]
TOP = 20
REPLY_TOKENS = 24


class Model:
    def __init__(self, path):
        reader = GGUFReader(path)
        field = lambda key, default=None: (
            reader.fields[key].contents() if key in reader.fields else default
        )
        self.arch = field("general.architecture")
        of = lambda key, default=None: field(f"{self.arch}.{key}", default)
        self.layers = of("block_count")
        self.hidden = of("embedding_length")
        self.heads = of("attention.head_count")
        self.kv_heads = of("attention.head_count_kv", self.heads)
        self.head_dim = of("attention.key_length", self.hidden // self.heads)
        self.eps = of("attention.layer_norm_rms_epsilon")
        self.theta = of("rope.freq_base", 10000.0)
        self.window = of("attention.sliding_window", 0) if self.arch == "gemma3" else 0
        self.weights = {}
        for tensor in reader.tensors:
            values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
            shape = tuple(int(n) for n in reversed(tensor.shape))
            self.weights[tensor.name] = values.reshape(shape)
        embedding = self.weights["token_embd.weight"]
        self.head = self.weights.get("output.weight", embedding)

    def norm(self, x, name):
        mean = np.mean(x.astype(np.float64) ** 2, axis=-1, keepdims=True)
        return (x / np.sqrt(mean + self.eps)).astype(np.float32) * self.weights[f"{name}.weight"]

    def optional_norm(self, x, name):
        return self.norm(x, name) if f"{name}.weight" in self.weights else x

    def project(self, x, name):
        y = x @ self.weights[f"{name}.weight"].T
        bias = self.weights.get(f"{name}.bias")
        return y if bias is None else y + bias

    def is_local(self, layer):
        return self.window > 0 and (layer + 1) % 6 != 0

    def rotate(self, x, positions, theta):
        half = self.head_dim // 2
        angles = positions[:, None] * theta ** (-np.arange(half) * 2.0 / self.head_dim)
        cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
        if self.arch == "llama":  # neighbours are pairs
            a, b = x[..., 0::2], x[..., 1::2]
            turned = np.stack([a * cos - b * sin, a * sin + b * cos], -1)
            return turned.reshape(x.shape).astype(np.float32)
        a, b = x[..., :half], x[..., half:]
        return np.concatenate([a * cos - b * sin, a * sin + b * cos], -1).astype(np.float32)

    def activation(self, x):
        if self.arch != "gemma3":
            return x / (1 + np.exp(-x))
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))

    def run(self, tokens, cache):
        """Log-probabilities behind the last of these tokens; keys and values are appended to the cache."""
        rows = len(tokens)
        past = cache[0][0].shape[0] if cache[0] else 0
        positions = np.arange(past, past + rows)
        x = self.weights["token_embd.weight"][tokens]
        if self.arch == "gemma3":
            x = x * np.float32(np.sqrt(self.hidden))
        for layer in range(self.layers):
            at = f"blk.{layer}"
            h = self.norm(x, f"{at}.attn_norm")
            shaped = lambda name, heads: self.project(h, f"{at}.{name}").reshape(rows, heads, self.head_dim)
            q = self.optional_norm(shaped("attn_q", self.heads), f"{at}.attn_q_norm")
            k = self.optional_norm(shaped("attn_k", self.kv_heads), f"{at}.attn_k_norm")
            v = shaped("attn_v", self.kv_heads)
            theta = 10000.0 if self.is_local(layer) else self.theta
            q, k = self.rotate(q, positions, theta), self.rotate(k, positions, theta)
            if cache[layer]:
                k = np.concatenate([cache[layer][0], k])
                v = np.concatenate([cache[layer][1], v])
            cache[layer] = (k, v)
            distance = positions[:, None] - np.arange(k.shape[0])[None, :]
            seen = distance >= 0
            if self.is_local(layer):
                seen &= distance < self.window
            group = self.heads // self.kv_heads
            out = np.empty((rows, self.heads, self.head_dim), np.float32)
            for head in range(self.heads):
                scores = (q[:, head] @ k[:, head // group].T).astype(np.float64) / np.sqrt(self.head_dim)
                scores = np.where(seen, scores, -np.inf)
                p = np.exp(scores - scores.max(-1, keepdims=True))
                out[:, head] = (p / p.sum(-1, keepdims=True)) @ v[:, head // group]
            o = self.project(out.reshape(rows, -1), f"{at}.attn_output")
            x = x + self.optional_norm(o, f"{at}.post_attention_norm")
            h = self.norm(x, f"{at}.ffn_norm")
            gate = self.activation(self.project(h, f"{at}.ffn_gate"))
            f = self.project(gate * self.project(h, f"{at}.ffn_up"), f"{at}.ffn_down")
            x = x + self.optional_norm(f, f"{at}.post_ffw_norm")
        logits = (self.norm(x[-1], "output_norm") @ self.head.T).astype(np.float64)
        most = logits.max()
        return logits - most - np.log(np.exp(logits - most).sum())

    def new_cache(self):
        return [None] * self.layers


def top(scores):
    best = np.argsort(-scores, kind="stable")[:TOP]
    return [[int(i), round(float(scores[i]), 5)] for i in best]


def greedy(model, tokens, ends):
    cache = model.new_cache()
    scores = model.run(tokens, cache)
    said = []
    for _ in range(REPLY_TOKENS):
        first, second = np.argsort(-scores, kind="stable")[:2]
        said.append({"token": int(first), "margin": round(float(scores[first] - scores[second]), 4)})
        if int(first) in ends:
            break
        scores = model.run([int(first)], cache)
    return said


def main(folder, keys):
    for key in keys:
        asked = json.loads((ROOT / "out/accept" / f"{key}.json").read_text())
        model = Model(Path(folder) / asked["file"])
        golden = {
            "file": asked["file"],
            "prompts": [
                {**prompt, "top": top(model.run(prompt["tokens"], model.new_cache()))}
                for prompt in asked["prompts"]
            ],
            "chats": [
                {**chat, "reply": greedy(model, chat["tokens"], asked["ends"])}
                for chat in asked["chats"]
            ],
        }
        path = ROOT / "test/accept/golden" / f"{key}.json"
        path.write_text(json.dumps(golden, ensure_ascii=False) + "\n")
        print(path)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
