import { describe, expect, it } from "vitest";
import { tokenBytes } from "../../../src/model/grammar/token-bytes";
import { TokenTrie } from "../../../src/model/grammar/token-trie";
import { tokenizerOf } from "../../support/tokenizers";

const texts = [
  '{"a": [1, 2.5e3], "b": "say \\"yes\\""}\n\t  x',
  "Привет, мир! 東京タワー नमस्ते مرحبا 😀 é\u0301",
  "<b>tag</b>   three spaces, \r\n two lines",
];

describe.each(["rondoTiny", "smolLm2", "qwen25", "sentencePieceLike"] as const)(
  "the tokens of %s",
  (name) => {
    const tokenizer = tokenizerOf(name);
    const bytes = tokenBytes(tokenizer);

    it("have the bytes of the text that they stand for", () => {
      for (const text of texts.map((one) => one.normalize("NFC"))) {
        const ids = tokenizer.encodeSegments([{ content: text }], "text");
        const all = ids.flatMap((id) => [...bytes[id]!]);
        expect(new TextDecoder().decode(Uint8Array.from(all))).toBe(text);
      }
    });

    it("have none where they mark a turn", () => {
      expect(bytes).toHaveLength(tokenizer.tokenCount);
      for (const marker of tokenizer.markers)
        expect(bytes[tokenizer.idOf(marker)!]).toBeUndefined();
    });
  },
);

describe("a tree of tokens", () => {
  it("holds each token once, below those that it begins with", () => {
    const texts = ["b", "a", "ab", "", "a", "abc", "ca"];
    const tokens = texts.map((text) => new TextEncoder().encode(text));
    const { all } = new TokenTrie([...tokens, undefined]);
    const found: [id: number, text: string][] = [];
    const path: number[] = [];
    for (let node = 1; node < all.length; node++) {
      path.length = all.depth[node]! - 1;
      path.push(all.byte[node]!);
      const text = String.fromCharCode(...path);
      for (let id = all.token[node]!; id >= 0; id = all.same[id]!)
        found.push([id, text]);
      const inside = Array.from(all.depth).slice(node + 1, all.end[node]);
      expect(inside.every((depth) => depth > all.depth[node]!)).toBe(true);
      expect(all.depth[all.end[node]!] ?? 0).toBeLessThanOrEqual(
        all.depth[node]!,
      );
    }
    const expected = [...texts.entries()].filter(([, text]) => text !== "");
    expect(found.sort(([a], [b]) => a - b)).toEqual(expected);
  });

  it("knows plain tokens by their characters", () => {
    const texts = ["a", "é", "ab", 'a"', "\n", "a b c", "日本"];
    const tokens = texts.map((text) => new TextEncoder().encode(text));
    const half = Uint8Array.of(0xe6);
    const trie = new TokenTrie([...tokens, half]);
    const of = (most: number) =>
      texts.filter((_, id) => (trie.plain(most)[0]! >>> id) & 1);
    expect(of(1)).toEqual(["a", "é"]);
    expect(of(2)).toEqual(["a", "é", "ab", "日本"]);
    expect(of(Infinity)).toEqual(["a", "é", "ab", "a b c", "日本"]);
  });
});
