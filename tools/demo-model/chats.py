"""Chats with known answers as JSON, for the benchmarks and the calibration of round selection.

    python3 chats.py SEED COUNT ROUNDS [SEED COUNT ROUNDS ...] > chats.json

Seeds from 60,000,000 up are those that training never saw. Each chat has its rounds, and those of them
that ask for a fact told at least three rounds before: the same questions that eval_rounds.py asks.
"""
import json, sys
import corpus

# A question that no few rounds answer: the negative control.
EVERYTHING = "Please tell me everything that you know about me."


def chat(seed, rounds):
    r = corpus.chat(seed, rounds)
    asks = [
        {"round": j, "source": tag["source"], "value": tag["value"]}
        for j, (_, _, tag) in enumerate(r)
        if j > rounds // 2 and tag and tag["kind"] == "ask" and j - tag["source"] >= 3
    ]
    return {"seed": seed, "rounds": [{"user": u, "reply": a} for u, a, _ in r], "asks": asks, "everything": EVERYTHING}


def main(*args):
    sets = [args[i:i + 3] for i in range(0, len(args), 3)]
    chats = [chat(seed + i, rounds) for seed, count, rounds in sets for i in range(count)]
    print('{"madeBy": "tools/demo-model/chats.py %s",\n"chats": [' % " ".join(map(str, args)))
    print(",\n".join(json.dumps(c, ensure_ascii=False) for c in chats))
    print("]}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
