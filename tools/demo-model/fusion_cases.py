"""Chats in which KV is reused out of its context, with questions whose answers are known, as JSON: what A³ is measured with.

    python3 fusion_cases.py SEED COUNT > fusion.json        # COUNT cases of each kind

Seeds from 60,000,000 up are those that training never saw; from 70,000,000 up they are kept for acceptance, and refused here.
A case has its rounds, each with an id, and two chats made of them:

    before    {"rounds": [id, ...]}: KV of these is computed one after the other, under before.system where there is one (null is
              the template's own prompt), or else under the case's; those of "alone" are computed each right behind the system prompt
    after     {"rounds": [id, ...]}: where they lie when the question is asked, under the case's system prompt. A round that before
              does not have is new: it is prefilled where it lies

    edited    a told fact was changed; "wrong" is the old value
    deleted   a round in the first half is gone ("wrong" is what it told); asked is a fact told behind it
    moved     one or two rounds stand elsewhere; asked is a fact of theirs
    attached  one to three notes were read alone; they are put behind the chat, or before it
    system    another system prompt; all rounds are kept
    leak      a round is gone, and its own fact is asked for: the right answer is one of "unknown", and "wrong" leaked

Chats are of about 16 and about 40 rounds by turns. In after, the value stands in the round "source" alone (in leak, source is the
deleted round), and a wrong value nowhere. Behind a fact that may leak stands a round that thanks for the reply, without the value.
"""
import json, random, sys
import corpus

KINDS = "edited deleted moved attached system leak".split()
SIZES = (14, 18), (37, 41)
LAST = 3        # as in eval_rounds.py, a fact is asked for three rounds later, or more
LONGEST = 2900  # characters of all rounds: under 1,400 tokens, the template's included
FIRST_SEED, ACCEPTANCE = 60_000_000, 70_000_000
# Training saw only the template's own: "You are a helpful assistant."
SYSTEMS = [
    "You are a friendly assistant.",
    "You are a helpful assistant. Please answer in one short sentence.",
    "You are a kind and patient assistant. You remember what people tell you.",
    "You are a small chat model that runs in the browser. Be polite.",
    "Help people to remember names, places and numbers.",
]
THANKS = next(entry for entry in corpus.TALK if "Thank you!" in entry[0])


class Facts(corpus.Chat):
    """Facts that one chat tells and does not come back to."""

    def draw(self, slots):
        return [self.tell(slot) for slot in self.rng.sample(list(corpus.SLOTS), slots)]

    def read(self, notes):
        for _ in range(notes):
            self.rounds.append(self.note(self.rng.randint(2, 4)))
        return self.rounds

    def values(self):
        return [value for value, _, _ in self.known.values()]


def names(text, value):
    return value.lower() in text.lower()


def small_talk(rng, count, facts, values, notes=True):
    """Rounds of a corpus chat that mention none of the values, and neither tell, update nor ask for one of the facts."""
    c = corpus.Chat(rng)
    c.known = dict(facts.known)
    while len(c.rounds) < count:
        known = dict(c.known)
        u, a, tag = c.step()
        kept = tag and (tag["slot"] in facts.known or tag["kind"] == "note" and not notes)
        if kept or any(names(u + " " + a, v) for v in values):
            c.rounds.pop()
            c.known = known
    return c.rounds


def sound(case):
    """Whether the value stands nowhere in after but in its source, a wrong one nowhere, and the chats are short enough."""
    text = {r["id"]: r["user"] + " " + r["reply"] for r in case["rounds"]}
    rest = [text[id] for id in case["after"]["rounds"] if id != case["source"]] + [case["system"] or ""]
    own = [text[case["source"]], case["reply"]] if case["value"] else []
    if case["value"] and any(names(t, case["value"]) for t in rest) or "wrong" in case and any(names(t, case["wrong"]) for t in rest + own):
        return False
    return sum(map(len, text.values())) <= LONGEST


def case(kind, seed, size, turn):
    """The first sound case that the seed draws; `size` and `turn` are 0 or 1."""
    rng = random.Random(seed)
    while True:
        drawn = draw(kind, seed, rng, size, turn)
        if sound(drawn):
            return drawn


def draw(kind, seed, rng, size, turn):
    n = rng.randint(*SIZES[size])
    facts, rounds = Facts(rng), []
    before, after, system, extra = {}, {}, None, {}

    def new(said):
        rounds.append({"id": len(rounds) + 1, "user": said[0], "reply": said[1]})
        return rounds[-1]["id"]

    def chat(told, values, notes=True):
        """Ids of a chat of n rounds, in which the facts are told at the places given."""
        rest = iter(small_talk(rng, n - len(told), facts, values, notes))
        return [new(told[i] if i in told else next(rest)) for i in range(n)]

    if kind == "edited":
        [fact] = facts.draw(1)
        slot, at = fact[2]["slot"], rng.randint(n // 4, 3 * n // 4)
        edited = facts.tell(slot)
        before["rounds"] = chat({at: fact}, [fact[2]["value"], edited[2]["value"]])
        source = new(edited)
        after["rounds"] = [source if i == at else id for i, id in enumerate(before["rounds"])]
        extra["wrong"] = fact[2]["value"]
    elif kind == "deleted":
        gone, fact = facts.draw(2)
        slot, at = fact[2]["slot"], rng.randint(0, n // 2 - 1)
        to = rng.randint(at + 1, n - LAST)
        ids = before["rounds"] = chat({at: gone, to: fact}, facts.values())
        source, after["rounds"] = ids[to], ids[:at] + ids[at + 1:]
        extra["wrong"] = gone[2]["value"]
    elif kind == "moved":
        told = facts.draw(rng.randint(1, 2))
        k, far = len(told), rng.randint(n // 4, 3 * n // 4)
        lo = rng.randint(0, n - LAST - k + 1 - far)
        at, to = (lo, lo + far) if rng.random() < 0.5 else (lo + far, lo)
        ids = before["rounds"] = chat({at + i: fact for i, fact in enumerate(told)}, facts.values())
        rest = ids[:at] + ids[at + k:]
        after["rounds"] = rest[:to] + ids[at:at + k] + rest[to:]
        asked = rng.randrange(k)
        slot, source = told[asked][2]["slot"], ids[at + asked]
    elif kind == "attached":
        first = turn == 1
        read = facts.read(rng.randint(2 if first else 1, 3))
        n -= len(read)
        asked = rng.randrange(1 if first else 0, len(read))     # the very first would stand where it was computed
        slot = rng.choice([s for s, (_, _, note) in facts.known.items() if note == asked])
        before["rounds"] = chat({}, facts.values(), notes=False)
        before["alone"] = [new(note) for note in read]
        after["rounds"] = before["alone"] + before["rounds"] if first else before["rounds"] + before["alone"]
        source = before["alone"][asked]
    elif kind == "system":
        [fact] = facts.draw(1)
        slot, at = fact[2]["slot"], rng.randint(0, n - LAST)
        ids = before["rounds"] = after["rounds"] = chat({at: fact}, facts.values())
        source, other = ids[at], rng.choice(SYSTEMS)
        system, before["system"] = (other, None) if turn == 0 else (None, other)
    else:
        [fact] = facts.draw(1)
        slot, at = fact[2]["slot"], rng.randint(0, n * 2 // 3)
        thanks = rng.choice(THANKS[0]), rng.choice(THANKS[1]), None
        ids = before["rounds"] = chat({at: fact, at + 1: thanks}, facts.values())
        source, after["rounds"] = ids[at], ids[:at] + ids[at + 1:]
        extra = {"wrong": fact[2]["value"], "unknown": corpus.UNKNOWN}

    question, reply, tag = facts.ask(slot)
    value = tag["value"]
    if kind == "leak":
        value, reply = None, rng.choice(corpus.UNKNOWN)
    return {"kind": kind, "seed": seed, "system": system, "rounds": rounds, "before": before, "after": after,
            "question": question, "reply": reply, "value": value, "source": source, **extra}


def main(seed, count):
    end = seed + count * len(KINDS)
    assert FIRST_SEED <= seed and end <= ACCEPTANCE, f"seeds from {FIRST_SEED} to {ACCEPTANCE - 1}, not {seed} to {end - 1}"
    cases = [case(kind, seed + i * len(KINDS) + k, i % 2, i // 2 % 2) for k, kind in enumerate(KINDS) for i in range(count)]
    print('{"madeBy": "tools/demo-model/fusion_cases.py %d %d",\n"cases": [' % (seed, count))
    print(",\n".join(json.dumps(c, ensure_ascii=False) for c in cases))
    print("]}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
