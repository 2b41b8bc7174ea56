/** What the real models are asked, and its tokens: for the exact pass, and for the runtime. */
import { openGguf } from "../../src/model/gguf/gguf";
import type { ModelFiles } from "../../src/model/files/model-files";
import { chatLayout } from "../../src/model/text/chat-layout";
import { chatTokens } from "../../src/model/text/chat-tokens";
import { openTemplate } from "../../src/model/text/open-template";
import { openTokenizer } from "../../src/model/text/tokenizer";
import { readGenerationConfig } from "../../src/model/config/generation-config";
import { replyEnds } from "../../src/model/text/turn-tokens";

/** Plain text: the next token's distribution is compared. */
const PROMPTS = [
  "The capital of France is Paris, the capital of Italy is Rome, and the capital of Spain is",
  "def fibonacci(n):\n    if n < 2:\n        return n\n    return",
  "Grüße aus Zürich! 東京は日本の首都です。 Привет, мир. The greeting above, translated into English, says",
];

const LONG =
  "The old lighthouse keeper counted the ships that passed in the night and wrote each name into his book. ";

/** Messages whose replies are compared, token by token. */
const MESSAGES = [
  "What is the capital of France?",
  "Write a haiku about the sea.",
  "Count from one to ten in words.",
];

export interface AskedPrompts {
  file: string;
  ends: number[];
  prompts: { text: string; tokens: number[] }[];
  chats: { message: string; tokens: number[] }[];
}

export async function askedOf(
  files: ModelFiles,
  file: string,
): Promise<AskedPrompts> {
  const gguf = await openGguf(files, file);
  const tokenizer = await openTokenizer(gguf.files);
  const template = await openTemplate(gguf.files, tokenizer);
  const layout = chatLayout(template, { markers: tokenizer.markers });
  const json = async (name: string) =>
    JSON.parse((await gguf.files.text(name))!) as unknown;
  const config = (await json("config.json")) as { sliding_window?: unknown };
  const { eosTokenIds } = readGenerationConfig(
    await json("generation_config.json"),
    config,
  );
  // More tokens than a window has, where there is one.
  const long = LONG.repeat(config.sliding_window ? 30 : 6);
  const { prefix, open } = chatTokens(tokenizer, layout);
  const start = tokenizer.bos === undefined ? [] : [tokenizer.bos];
  return {
    file,
    ends: replyEnds(eosTokenIds, tokenizer),
    prompts: [...PROMPTS, `${long}In the morning he`].map((text) => ({
      text,
      tokens: [...start, ...tokenizer.encodeText(text)],
    })),
    chats: MESSAGES.map((message) => ({
      message,
      tokens: [...prefix, ...open(message, { isFirst: true })],
    })),
  };
}
