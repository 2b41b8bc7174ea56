// What is known of the content of half a round's KV, as it is computed, repaired, stored and restored.
import { describe, expect, test } from "vitest";
import {
  clearPages,
  type HalfKv,
  isStored,
  isStoredAsItIs,
  newHalfKv,
  noteComputed,
  noteRestored,
  noteStored,
  originOf,
} from "../../src/memory/half-kv";

const HERE = { hash: "here", isExact: true };
const THERE = { hash: "there", isExact: true };
const ROUGHLY = { hash: "here", isExact: false };

function computed(tokens = 3, context = HERE): HalfKv {
  const kv = newHalfKv();
  for (let token = 0; token < tokens; token++) noteComputed(kv, token, context);
  return kv;
}

function store(kv: HalfKv): void {
  const { generation, origin } = kv;
  noteStored(kv, { bytes: 100, generation, origin });
}

describe("a half that is computed", () => {
  test("is of what stands before it, token by token", () => {
    const kv = computed();
    expect(kv.computedTokens).toBe(3);
    expect(kv.origin).toEqual({
      context: "here",
      isExact: true,
      isMixed: false,
    });
  });

  test("has nothing until a token went through all of its layers", () => {
    const kv = newHalfKv();
    noteComputed(kv, 0, HERE, false);
    expect(kv).toMatchObject({ computedTokens: 0, origin: undefined });
  });

  test("leaves no gap", () => {
    const kv = computed(1);
    noteComputed(kv, 2, HERE);
    expect(kv.computedTokens).toBe(1);
  });

  test.each([true, false])(
    "is mixed where a token is computed again behind something else (all layers: %s)",
    (isWhole) => {
      const kv = computed();
      noteComputed(kv, 1, THERE, isWhole);
      expect(kv.computedTokens).toBe(3);
      expect(kv.origin).toMatchObject({ context: "here", isMixed: true });
      // It stays so, whatever is computed behind.
      noteComputed(kv, 1, HERE, isWhole);
      expect(kv.origin).toMatchObject({ isMixed: true });
    },
  );

  test("is mixed where it goes on behind something else", () => {
    const kv = computed();
    noteComputed(kv, 3, THERE);
    expect(kv.origin).toMatchObject({ context: "here", isMixed: true });
  });

  test("is as exact as the least exact of what it was computed with", () => {
    const kv = computed();
    noteComputed(kv, 3, ROUGHLY);
    noteComputed(kv, 4, HERE);
    expect(kv.origin).toMatchObject({ isExact: false, isMixed: false });
  });

  test("begins anew with its first token", () => {
    const kv = computed(3, THERE);
    clearPages(kv);
    noteComputed(kv, 0, HERE);
    expect(kv.origin).toMatchObject({ context: "here", isMixed: false });
  });
});

describe("a generation", () => {
  test("is another one whenever the content is", () => {
    const kv = newHalfKv();
    const seen = new Set([kv.generation]);
    const changes = [
      () => noteComputed(kv, 0, HERE),
      () => noteComputed(kv, 1, HERE),
      () => noteComputed(kv, 0, THERE),
      () => noteComputed(kv, 0, THERE),
      () => clearPages(kv),
      () => noteComputed(kv, 0, ROUGHLY),
      () => noteComputed(kv, 0, ROUGHLY),
    ];
    for (const change of changes) {
      change();
      seen.add(kv.generation);
    }
    expect(seen.size).toBe(1 + changes.length);
  });

  test("stays where exact KV is computed once more as it was", () => {
    const kv = computed();
    const { generation } = kv;
    noteComputed(kv, 1, HERE);
    noteComputed(kv, 0, HERE, false);
    expect(kv.generation).toBe(generation);
  });

  test("is no other half's", () => {
    const [one, other] = [computed(), computed()];
    expect(one.generation).not.toBe(other.generation);
  });
});

describe("what is stored", () => {
  test("is what the pages hold, until that changes", () => {
    const kv = computed();
    expect(isStored(kv)).toBe(false);
    store(kv);
    expect(isStoredAsItIs(kv)).toBe(true);
    noteComputed(kv, 0, THERE);
    expect(isStored(kv)).toBe(true);
    expect(isStoredAsItIs(kv)).toBe(false);
  });

  test("is what it was when it was packed, whatever the pages hold by then", () => {
    const kv = computed();
    const { generation, origin } = kv;
    noteComputed(kv, 0, THERE);
    noteStored(kv, { bytes: 100, generation, origin });
    expect(isStoredAsItIs(kv)).toBe(false);
    expect(kv.stored.origin).toMatchObject({ isMixed: false });
  });

  test("comes back as what it was", () => {
    const kv = computed();
    store(kv);
    noteComputed(kv, 0, THERE);
    clearPages(kv);
    expect(originOf(kv)).toMatchObject({ context: "here", isMixed: false });
    noteRestored(kv, 3, kv.stored);
    expect(isStoredAsItIs(kv)).toBe(true);
    expect(originOf(kv)).toMatchObject({ context: "here", isMixed: false });
  });

  test("is nothing where nothing is", () => {
    expect(originOf(newHalfKv())).toBeUndefined();
  });
});
