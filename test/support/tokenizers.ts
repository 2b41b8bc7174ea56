/** The tokenizers that tests run: real models' and small ones in test/fixtures/tokenizers. */
import { readFileSync } from "node:fs";
import { Tokenizer } from "../../src/model/text/tokenizer";

export function fixture(path: string): string {
  return readFileSync(new URL(`../fixtures/${path}`, import.meta.url), "utf8");
}

export function fixtureJson(path: string): unknown {
  return JSON.parse(fixture(path));
}

function publicJson(path: string): unknown {
  const url = new URL(`../../public/models/${path}`, import.meta.url);
  return JSON.parse(readFileSync(url, "utf8"));
}

/** tokenizer.json and tokenizer_config.json of each; read anew, so that a test may change them. */
export const tokenizerFiles = {
  qwen25: () => [
    fixtureJson("tokenizers/qwen2.5/tokenizer.json"),
    fixtureJson("tokenizers/qwen2.5/tokenizer_config.json"),
  ],
  smolLm2: () => [
    fixtureJson("tokenizers/smollm2-135m-instruct/tokenizer.json"),
    {},
  ],
  rondoTiny: () => [
    publicJson("rondo-tiny/tokenizer.json"),
    publicJson("rondo-tiny/tokenizer_config.json"),
  ],
  /** In the manner of Llama 2: BPE over "▁" with bytes to fall back on. */
  sentencePieceLike: () => [
    fixtureJson("tokenizers/sentencepiece-like/tokenizer.json"),
    {},
  ],
  /** The same, with the space before the first word written as it is since 2024. */
  sentencePieceLikeFirst: () => {
    const json = fixtureJson(
      "tokenizers/sentencepiece-like/tokenizer.json",
    ) as object;
    const metaspace = {
      type: "Metaspace",
      replacement: "▁",
      prepend_scheme: "first",
      split: false,
    };
    return [{ ...json, normalizer: null, pre_tokenizer: metaspace }, {}];
  },
} satisfies Record<string, () => [unknown, unknown] | unknown[]>;

export type TokenizerName = keyof typeof tokenizerFiles;

const opened = new Map<TokenizerName, Tokenizer>();

/** The tokenizer of that name; made once in a test file. */
export function tokenizerOf(name: TokenizerName): Tokenizer {
  const known = opened.get(name);
  if (known !== undefined) return known;
  const [json, config] = tokenizerFiles[name]();
  const tokenizer = new Tokenizer(json, config);
  opened.set(name, tokenizer);
  return tokenizer;
}
