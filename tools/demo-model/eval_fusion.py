"""What the demo model loses when it reuses KV out of its context, and what repairing some of it brings back (A³), simulated in PyTorch.

    python3 eval_fusion.py MODEL_DIR [COUNT] [SEED] [SET] [KINDS] [OUT]        # MODEL_DIR: ../../public/models/rondo-tiny

COUNT cases of each kind; SET is one of those below; KINDS are those of fusion_cases.py, or some, or two that are drawn here:

    swapped   a fact was told twice, and the two rounds change places: the latest word, which counts, is another one
    undone    a fact was told and updated; the update is gone, so that the first word counts again

The tables go to OUT after every ten cases. What is computed is ../../test/reference/fusion.ts at full attention: stale rows are
those whose KV comes from another context; k of them, a ratio r of the tokens before the question, are computed again and join
the question's rows. With check layer c, all stale rows go through the layers below it, and the question's attention to the fresh
keys of c says which ones go on. On glibc, MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=4000000000 saves a third of the time.

Layers up to the check layer are then as in a full prefill: rounds that are not stale were computed in the very context that the
chat has now. So one full prefill gives the residuals that every policy starts from, and a policy costs its own rows alone.
"""
import math, os, random, re, sys, time
import torch
import torch.nn.functional as F
import fusion_cases
from model import rope
from reference import load_saved
from tokenizer import SYSTEM, Tokenizer

RATIOS, DEFAULT = (.05, .1, .15, .3, .5), .15     # beside 0 and 1, where all policies are the same
EDGE, SAID = 4, 14                                # tokens at either end of a stale round; of a greedy reply
FAR = .01                                         # nats, mean over a reply: clearly another distribution

# a policy: what scores tokens (None: a baseline's own rule), and how; SCORING has the defaults
SCORING = dict(check=1, fresh=True, pool=5, rows="all", heads="concat", unit="token", weigh=False, edges=False, rule=None)
POLICIES = {
    "a3": {}, "lite": dict(fresh=False), "a3 c=2": dict(check=2), "a3 c=3": dict(check=3), "edges": dict(edges=True),
    "rounds": dict(fresh=False, rows="tail", unit="round"),
    "random": dict(rule="random", fresh=False), "recency": dict(rule="recency", fresh=False), "epic": dict(rule="epic", fresh=False),
    "cacheblend": dict(rule="cacheblend"),
}
TAIL, WEIGH = dict(rows="tail"), dict(weigh=True)     # weigh: relevance times how far the cached values are off at the check layer
REMEDIES = {
    "a3": {}, "pool 1": dict(pool=1), "pool 9": dict(pool=9), "pool 17": dict(pool=17), "c=2": dict(check=2), "c=3": dict(check=3),
    "rounds": dict(unit="round"), "tail": TAIL, "head mean": dict(heads="mean"), "head max": dict(heads="max"),
    "tail, head mean": dict(TAIL, heads="mean"), "tail, head max": dict(TAIL, heads="max"),
    "tail, pool 9": dict(TAIL, pool=9), "tail, c=2": dict(TAIL, check=2), "tail, head mean, c=2": dict(TAIL, heads="mean", check=2),
    "tail, rounds": dict(TAIL, unit="round"), "tail, head mean, rounds": dict(TAIL, heads="mean", unit="round"),
    "tail, c=2, rounds": dict(TAIL, check=2, unit="round"), "lite, tail": dict(TAIL, fresh=False),
    "lite, tail, rounds": dict(TAIL, fresh=False, unit="round"),
    "weigh": WEIGH, "weigh, tail": dict(TAIL, **WEIGH), "weigh, rounds": dict(WEIGH, unit="round"), "weigh, tail, rounds": dict(TAIL, unit="round", **WEIGH),
    "weigh, tail, head mean": dict(TAIL, heads="mean", **WEIGH), "source round": dict(rule="source"), "fresh layer 1 alone": dict(rule="none"),
}
SETS = {"policies": (POLICIES, RATIOS), "remedies": (REMEDIES, (DEFAULT,)), "every": ({**POLICIES, **REMEDIES}, (.05, .15, .3))}


class Net:
    """Single layers over any rows, positions being indices."""

    def __init__(self, folder, dtype=torch.float32):
        self.m = load_saved(folder).to(dtype)
        self.tok, c = Tokenizer(folder), self.m.c
        self.L, self.H, self.Hk, self.d, self.theta = (c[n] for n in (
            "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim", "rope_theta"))

    def empty(self, n):
        return [torch.zeros(self.L, self.Hk, n, self.d, dtype=self.m.norm.weight.dtype) for _ in "kv"]

    def qkv(self, l, x, pos):
        a, n = self.m.layers[l].self_attn, x.shape[0]
        h = self.m.layers[l].input_layernorm(x)
        q, k, v = (p(h).view(n, -1, self.d).transpose(0, 1) for p in (a.q_proj, a.k_proj, a.v_proj))
        return rope(q, pos, self.theta), rope(k, pos, self.theta), v

    def extend(self, first, rows, x, K, V, keep=None):
        """Rows from the layer `first` up, their K and V written; residuals before each layer go to `keep`. Returns the logits' input."""
        n, g, N = len(rows), self.H // self.Hk, int(rows.max()) + 1
        mask = torch.zeros(n, N, dtype=x.dtype).masked_fill_(torch.arange(N)[None] > rows[:, None], float("-inf"))
        for l in range(first, self.L):
            b = self.m.layers[l]
            if keep is not None:
                keep.append(x)
            q, k, v = self.qkv(l, x, rows)
            K[l][:, rows], V[l][:, rows] = k, v
            s = torch.matmul(q.reshape(self.Hk, g * n, self.d), K[l][:, :N].transpose(1, 2)).view(self.Hk, g, n, N)
            p = torch.softmax(s.mul_(1 / math.sqrt(self.d)).add_(mask), -1).view(self.Hk, g * n, N)
            o = torch.matmul(p, V[l][:, :N]).view(self.H, n, self.d)
            x = x + b.self_attn.o_proj(o.transpose(0, 1).reshape(n, -1))
            h = b.post_attention_layernorm(x)
            x = x + b.down_proj(F.silu(b.gate_proj(h)) * b.up_proj(h))
        return self.m.norm(x)

    def prefill(self, ids, n=None):
        """KV for n tokens, residuals before each layer, and the last layer's output."""
        K, V = self.empty(n or len(ids))
        xs, rows = [], torch.arange(len(ids))
        h = self.extend(0, rows, self.m.embed_tokens(torch.tensor(ids)), K, V, xs)
        return K, V, xs, h

    def say(self, h, at, K, V, count=SAID):
        """A greedy reply behind row `at`, whose output is h."""
        said, end = [], self.tok.special["<|im_end|>"]
        while len(said) < count:
            t = int(self.m.logits(h).argmax())
            if t == end:
                break
            said.append(t)
            row = torch.tensor([at + len(said)])
            h = self.extend(0, row, self.m.embed_tokens(torch.tensor([t])), K, V)[0]
        return self.tok.decode(said)

    def round(self, user, reply=None):
        s, e, t = self.tok.special["<|im_start|>"], self.tok.special["<|im_end|>"], self.tok
        ids = [s] + t.encode("user\n" + user) + [e] + t.encode("\n") + [s] + t.encode("assistant\n")
        return ids if reply is None else ids + t.encode(reply) + [e] + t.encode("\n")

    def system(self, text):
        s, e = self.tok.special["<|im_start|>"], self.tok.special["<|im_end|>"]
        return [s] + self.tok.encode("system\n" + (SYSTEM if text is None else text)) + [e] + self.tok.encode("\n")


def stale_rounds(case, system):
    """Ids of the rounds of after whose KV comes from another context, as in test/bench/fusion-cases.ts."""
    before, same = case["before"], system == case["system"]
    order, alone, so_far, stale = before["rounds"], before.get("alone", []), same, set()
    for i, r in enumerate(case["after"]["rounds"]):
        so_far = so_far and i < len(order) and order[i] == r
        if not (same and i == 0 if r in alone else so_far or r not in order):
            stale.add(r)
    return stale


def value_span(tok, reply, value):
    """Which tokens of a reply spell a value, as in test/bench/chats.ts."""
    texts = [tok.decode(reply[:i + 1]).lower() for i in range(len(reply))]
    at = texts[-1].find(value.lower())
    assert at >= 0, (texts[-1], value)
    return next(i for i, t in enumerate(texts) if len(t) > at), next(i for i, t in enumerate(texts) if len(t) >= at + len(value)) + 1


def mentions(text, value):
    return value.lower() in re.findall(r"[^\W_]+", text.lower())


class Lab:
    """One case: KV as it was before, at its new positions, and a full prefill of the chat as it is after."""

    def __init__(self, net, case):
        self.net, self.case, tok = net, case, net.tok
        text = {r["id"]: net.round(r["user"], r["reply"]) for r in case["rounds"]}
        was, now = case["before"].get("system", case["system"]), case["system"]
        self.ids, self.spans = net.system(now), {}
        for r in case["after"]["rounds"]:
            self.spans[r] = (len(self.ids), len(self.ids) + len(text[r]))
            self.ids = self.ids + text[r]
        stale = stale_rounds(case, was)
        self.segments = [self.spans[r] for r in case["after"]["rounds"] if r in stale]
        self.prefix, self.Q0 = len(net.system(now)), len(self.ids)
        self.ids = self.ids + net.round(case["question"])
        self.Q1 = len(self.ids)
        self.tail = self.Q1 - 3 - len(tok.encode("assistant\n"))
        self.reply = tok.encode(case["reply"])
        self.span = value_span(tok, self.reply, case["value"]) if case["value"] else None
        self.own = torch.arange(self.Q0, self.Q1 + len(self.reply) - 1)          # the question and the reply but its last token
        self.K, self.V, self.xs, h = net.prefill(self.ids + self.reply[:-1], self.Q1 + max(len(self.reply), SAID))
        self.full = net.m.logits(h[self.Q1 - 1:])
        self.h = h[self.Q1 - 1]
        self.stale = torch.tensor([t for a, b in self.segments for t in range(a, b)], dtype=torch.long)
        self.oldK, self.oldV = self.K.clone(), self.V.clone()
        for rounds in [case["before"]["rounds"]] + [[r] for r in case["before"].get("alone", [])]:
            ids, at = net.system(was), {}
            for r in rounds:
                at[r] = len(ids)
                ids = ids + text[r]
            if not stale & set(rounds):
                continue
            K, V, _, _ = net.prefill(ids)
            for r in stale & set(rounds):
                (a, b), f = self.spans[r], at[r]
                by = torch.full((b - a,), a - f)
                self.oldK[:, :, a:b] = rope(K[:, :, f:f + b - a], by, net.theta)
                self.oldV[:, :, a:b] = V[:, :, f:f + b - a]

    def relevance(self, check, fresh, pool, rows, heads, weigh, **_):
        """Of each token before the question."""
        net, a, b = self.net, self.prefix, self.Q1
        K = self.K if fresh else self.oldK
        r = torch.arange(self.tail if rows == "tail" else self.Q0, b)
        q = net.qkv(check, self.xs[check][r], r)[0]
        k = K[check][:, a:b].repeat_interleave(net.H // net.Hk, 0)
        s = torch.matmul(q, k.transpose(1, 2))
        hidden = torch.arange(a, b)[None] > r[:, None]
        if heads == "concat":
            p = torch.softmax((s.sum(0) / math.sqrt(net.H * net.d)).masked_fill(hidden, float("-inf")), -1)
        else:
            p = torch.softmax((s / math.sqrt(net.d)).masked_fill(hidden, float("-inf")), -1)
            p = p.mean(0) if heads == "mean" else p.max(0)[0]
        out = torch.zeros(self.Q0, dtype=p.dtype)
        mass = p.sum(0)[:self.Q0 - a]
        if weigh:
            mass = mass * self.deviation(check)[a:]
        out[a:] = F.avg_pool1d(mass[None, None], pool, 1, pool // 2, count_include_pad=True)[0, 0]
        return out

    def deviation(self, layer):
        """How far the cached values of each token before the question are off, squared over all heads, then its root."""
        return (self.V[layer] - self.oldV[layer])[:, :self.Q0].pow(2).sum((0, 2)).sqrt()

    def choose(self, how, r):
        """S without the question, rising."""
        stale, n = self.stale.tolist(), len(self.stale)
        k = min(math.floor(self.Q0 * r), n)
        rule, rng = how["rule"], random.Random(self.case["seed"])
        if rule == "none":
            s = []
        elif rule == "random":
            s = rng.sample(stale, k)
        elif rule == "recency":
            s = stale[n - k:]
        elif rule == "epic":
            s = [t for _, t in sorted((t - a, t) for a, b in self.segments for t in range(a, b))][:k]
        elif rule == "cacheblend":
            s = [stale[i] for i in torch.sort(self.deviation(1)[self.stale], descending=True, stable=True)[1][:k].tolist()]
        elif rule == "source":
            a, b = self.spans.get(self.case["source"], (0, 0))
            s = [t for t in stale if a <= t < b]
        elif how["unit"] == "round":
            m = self.relevance(**dict(how, pool=1))
            pooled, s = self.relevance(**how), []
            for a, b in sorted(self.segments, key=lambda e: (-float(m[e[0]:e[1]].sum()), e)):
                s += sorted(range(a, b), key=lambda t: (-float(pooled[t]), t))[:k - len(s)]
        else:
            m = self.relevance(**how)[self.stale]
            s = [stale[i] for i in torch.sort(m, descending=True, stable=True)[1][:k].tolist()]
        if how["edges"] and r > 0:
            s = s + [t for a, b in self.segments for t in range(a, b) if t < a + EDGE or t >= b - EDGE]
        return sorted(set(s))

    def play(self, how, s, say=False):
        """The reply, teacher-forced, behind the cache in which the rows s were computed again."""
        c = how["check"] if how["fresh"] else 1
        K, V = self.oldK.clone(), self.oldV.clone()
        if how["fresh"]:
            K[:c + 1], V[:c + 1] = self.K[:c + 1], self.V[:c + 1]
        rows = torch.cat([torch.tensor(s, dtype=torch.long), self.own])
        h = self.net.extend(c, rows, self.xs[c][rows], K, V)[len(s) + self.Q1 - 1 - self.Q0:]
        out = self.judge(self.net.m.logits(h))
        out["part"] = len(s) / max(1, len(self.stale))
        if say:
            out.update(self.heard(self.net.say(h[0], self.Q1 - 1, K, V)))
        return out

    def forget(self):
        """As full prefill has it."""
        out = dict(self.judge(self.full), part=1.0)
        if self.case["kind"] == "leak":
            out.update(self.heard(self.net.say(self.h, self.Q1 - 1, self.K.clone(), self.V.clone())))
        return out

    def heard(self, text):
        case = self.case
        return {"leaked": mentions(text, case["wrong"]), "admits": any(u in text for u in case["unknown"]), "said": text}

    def judge(self, logits):
        p, q = torch.log_softmax(self.full, -1), torch.log_softmax(logits, -1)
        out = {"kl": float((p.exp() * (p - q)).sum(-1).mean()), "top1": float((p.argmax(-1) == q.argmax(-1)).double().mean())}
        if self.span:
            arg = logits.argmax(-1).tolist()
            out["right"] = arg[self.span[0]:self.span[1]] == self.reply[self.span[0]:self.span[1]]
        return out


REUSE = dict(SCORING, fresh=False)


def measure(net, case, policies, ratios):
    """One case: {(policy, ratio): sample}."""
    lab, leak = Lab(net, case), case["kind"] == "leak"
    out = {("full", 1): lab.forget(), ("reuse", 0): lab.play(REUSE, [], leak), ("all", 1): lab.play(REUSE, lab.stale.tolist(), leak)}
    for name, how in policies.items():
        how = dict(SCORING, **how)
        for r in ratios:
            out[name, r] = lab.play(how, lab.choose(how, r), leak and r == DEFAULT)
    return {"kind": case["kind"], "seed": case["seed"], "tokens": lab.Q0, "stale": len(lab.stale), "of": out}


def mean(xs):
    xs = list(xs)
    return sum(xs) / len(xs) if xs else float("nan")


def line(cells):
    return "| " + " | ".join(cells) + " |"


def table(head, rows):
    return "\n".join([line(head), line(["---"] * len(head))] + [line(r) for r in rows]) + "\n"


def tables(done, policies, ratios, note):
    kinds = [k for k in dict.fromkeys(d["kind"] for d in done) if k != "leak"]
    some = [d for d in done if d["kind"] != "leak"]
    leak = [d for d in done if d["kind"] == "leak"]

    def key(name, r):
        return ("reuse", 0) if r == 0 else ("all", 1) if r == 1 else (name, r)

    def acc(cases, at):
        return mean(d["of"][at]["right"] for d in cases)

    def as_full(d, at):
        return d["of"][at]["right"] == d["of"]["full", 1]["right"]

    def share(cases, at):
        full = acc(cases, ("full", 1))
        return f"{100 * acc(cases, at) / full:.1f}" if full else "-"

    def of(cases, at, what, form):
        return form % mean(d["of"][at][what] for d in cases)

    cut = [0, *ratios, 1]
    out = [note, f"{len(some)} questions and {len(leak)} leak cases; {mean(d['tokens'] for d in done):.0f} tokens before the question, "
           f"{mean(d['stale'] for d in done):.0f} of them stale. Full prefill's accuracy: {acc(some, ('full', 1)):.3f}\n"]
    out.append("Accuracy, as a percentage of full prefill's, by r; all kinds together\n")
    out.append(table(["policy", *map(str, cut)], [[p, *(share(some, key(p, r)) for r in cut)] for p in policies]))
    out.append("Percentage of questions that are right or wrong as with full prefill, by r\n")
    out.append(table(["policy", *map(str, cut)], [[p, *(f"{100 * mean(as_full(d, key(p, r)) for d in some):.1f}" for r in cut)] for p in policies]))
    out.append("Mean KL(full ‖ policy) over the reply, in nats, by r; all kinds together, leak included\n")
    out.append(table(["policy", *map(str, cut)], [[p, *(of(done, key(p, r), "kl", "%.2g") for r in cut)] for p in policies]))
    out.append(f"Percentage of cases with KL > {FAR}, by r\n")
    out.append(table(["policy", *map(str, cut)], [[p, *(f"{100 * mean(d['of'][key(p, r)]['kl'] > FAR for d in done):.1f}" for r in cut)] for p in policies]))
    out.append("Percentage of the stale tokens computed again, by r\n")
    out.append(table(["policy", *map(str, cut)], [[p, *(f"{100 * mean(d['of'][key(p, r)]['part'] for d in done):.0f}" for r in cut)] for p in policies]))
    named = [("full prefill", ("full", 1)), ("reuse", ("reuse", 0))] + [(p, (p, DEFAULT)) for p in policies]
    out.append(f"By kind at r = {DEFAULT}: accuracy\n")
    split = {k: [d for d in some if d["kind"] == k] for k in kinds}
    sizes = {"short": [d for d in some if d["tokens"] < 600], "long": [d for d in some if d["tokens"] >= 600]}
    cols = {**split, **sizes, "all": some}
    out.append(table(["policy", *cols], [[n, *(f"{acc(c, at):.3f}" for c in cols.values())] for n, at in named]))
    out.append(f"By kind at r = {DEFAULT}: mean KL\n")
    split["leak"] = leak
    cols = {**split, "all": done}
    out.append(table(["policy", *cols], [[n, *(of(c, at, "kl", "%.2g") for c in cols.values())] for n, at in named]))
    if leak:
        out.append("Leak: what a deleted round told is asked for; greedy reply of up to 14 tokens\n")
        rows = [("forget: full prefill (what a model says that was never told)", ("full", 1)), ("fast, r = 0: reuse", ("reuse", 0))]
        rows += [(f"fast, r = {DEFAULT}: {p}", (p, DEFAULT)) for p in policies] + [("fast, r = 1", ("all", 1))]
        out.append(table(["mode", "says what was deleted", "says that it was not told"],
                         [[n, of(leak, at, "leaked", "%.3f"), of(leak, at, "admits", "%.3f")] for n, at in rows]))
    return "\n".join(out)


def retold(kind, seed, size):
    """A case in which a fact is told twice: `swapped` or `undone`."""
    rng = random.Random(seed)
    while True:
        n, facts = rng.randint(*fusion_cases.SIZES[size]), fusion_cases.Facts(rng)
        [first] = facts.draw(1)
        slot, v1 = first[2]["slot"], first[2]["value"]
        second = facts.tell(slot, update=kind == "undone")
        v2 = second[2]["value"]
        at = rng.randint(0, n // 2 - 1)
        to = rng.randint(at + 2, n - fusion_cases.LAST)
        rest = iter(fusion_cases.small_talk(rng, n - 2, facts, [v1, v2]))
        said = [first if i == at else second if i == to else next(rest) for i in range(n)]
        rounds = [{"id": i + 1, "user": u, "reply": a} for i, (u, a, _) in enumerate(said)]
        ids, one, two = [r["id"] for r in rounds], " ".join(first[:2]), " ".join(second[:2])
        if v1 == v2 or fusion_cases.names(two, v1) or fusion_cases.names(one, v2) or sum(len(r["user"] + r["reply"]) for r in rounds) > fusion_cases.LONGEST:
            continue
        after = ids[:at] + [ids[to]] + ids[at + 1:to] + [ids[at]] + ids[to + 1:] if kind == "swapped" else ids[:to] + ids[to + 1:]
        facts.known[slot] = (v1, facts.known[slot][1], at)
        question, reply, _ = facts.ask(slot)
        return {"kind": kind, "seed": seed, "system": None, "rounds": rounds, "before": {"rounds": ids}, "after": {"rounds": after},
                "question": question, "reply": reply, "value": v1, "source": ids[at], "wrong": v2}


@torch.no_grad()
def main(folder, count=50, seed=60_500_000, which="policies", kinds=",".join(fusion_cases.KINDS), path=None):
    torch.set_num_threads(1)
    assert fusion_cases.FIRST_SEED <= seed and seed + count * len(fusion_cases.KINDS) <= fusion_cases.ACCEPTANCE
    net, (policies, ratios) = Net(folder), SETS[which]
    kinds, done, t0 = kinds.split(","), [], time.time()
    for i in range(count):
        for k, kind in enumerate(kinds):
            at = seed + i * len(kinds) + k
            case = fusion_cases.case(kind, at, i % 2, i // 2 % 2) if kind in fusion_cases.KINDS else retold(kind, at, i % 2)
            done.append(measure(net, case, policies, ratios))
            if len(done) % 10 == 0 or len(done) == count * len(kinds):
                ran = f"`eval_fusion.py {os.path.basename(folder)} {count} {seed} {which} {','.join(kinds)}`"
                note = f"{ran}: {len(done)} of {count * len(kinds)} cases, {time.time() - t0:.0f} s\n"
                if path:
                    open(path, "w").write(tables(done, policies, ratios, note))
    text = tables(done, policies, ratios, note)
    if not path:
        print(text)
    return done


if __name__ == "__main__":
    a = sys.argv[1:]
    main(a[0].rstrip("/"), *(int(x) for x in a[1:3]), *a[3:6])
