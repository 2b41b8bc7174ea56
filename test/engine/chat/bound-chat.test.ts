// A chat between its text, which is the truth, and a model's tokens: which tokens stay, and which are read from the text anew.
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  BoundChat,
  type ChatText,
  type RoundText,
} from "../../../src/engine/chat/bound-chat";
import { ChatTemplate } from "../../../src/model/text/chat-template";
import { canThink } from "../../../src/model/text/thinking";
import reference from "../../golden/rondo-tiny/reference.json";
import { SMOLLM2_TEMPLATE } from "../../support/chat-templates";
import { tokenizerFiles, tokenizerOf } from "../../support/tokenizers";

type BindingModel = ConstructorParameters<typeof BoundChat>[1];

const [, tinyConfig] = tokenizerFiles.rondoTiny() as [
  unknown,
  { chat_template: string },
];

const tiny: BindingModel = {
  tokenizer: tokenizerOf("rondoTiny"),
  template: new ChatTemplate(tinyConfig.chat_template),
  textFingerprint: "tiny text",
  segmentFingerprint: "tiny segments",
};

const smol: BindingModel = {
  tokenizer: tokenizerOf("smolLm2"),
  template: new ChatTemplate(SMOLLM2_TEMPLATE),
  textFingerprint: "smol text",
  segmentFingerprint: "smol segments",
};

function roundText(id: number, fields: Partial<RoundText> = {}): RoundText {
  return {
    id,
    parentId: id === 0 ? null : id - 1,
    user: id === 0 ? "" : "Hi",
    reply: id === 0 ? "" : "Hello!",
    isFinished: true,
    // No tokens that the text would be read as.
    tokens: [70 + id, 80, 90],
    openTokens: 2,
    textFingerprint: tiny.textFingerprint,
    attended: null,
    ...fields,
  };
}

function chatText(rounds: readonly RoundText[], system?: string): ChatText {
  return { id: "chat", system, createdMs: 5, rounds };
}

const tokensOf = ({ conversation }: BoundChat) =>
  conversation.rounds.map(({ tokens }) => tokens);

const saidIn = ({ conversation }: BoundChat) =>
  conversation.rounds.map(({ id, user, reply }) => ({ id, user, reply }));

/** The golden chat, as another model left it. */
const golden = chatText([
  roundText(0, { textFingerprint: "another" }),
  ...reference.rounds.map(({ user, assistant }, i) =>
    roundText(i + 1, { user, reply: assistant, textFingerprint: "another" }),
  ),
]);

describe("a chat that this model held", () => {
  const digest = Float32Array.of(1, 2, 3);
  const rounds = [
    roundText(0),
    roundText(1, { pageDigest: digest }),
    roundText(4, { user: "Who?", reply: "Me.", attended: [1] }),
  ];
  const chat = new BoundChat(chatText(rounds, "Be kind."), tiny);

  test("keeps its tokens, whatever the text would be read as", () => {
    expect(tokensOf(chat)).toEqual([
      [70, 80, 90],
      [71, 80, 90],
      [74, 80, 90],
    ]);
  });

  test("keeps what was said, and what each round attended to", () => {
    const { conversation } = chat;
    expect(conversation).toMatchObject({
      id: "chat",
      system: "Be kind.",
      createdMs: 5,
    });
    expect(saidIn(chat)).toEqual([
      { id: 0, user: "", reply: "" },
      { id: 1, user: "Hi", reply: "Hello!" },
      { id: 4, user: "Who?", reply: "Me." },
    ]);
    const [, first, second] = conversation.rounds;
    expect(first).toMatchObject({ openTokens: 2, attended: null });
    expect(first!.pageDigest).toBe(digest);
    expect(second).toMatchObject({ openTokens: 2, attended: [1] });
  });

  test("goes on behind the highest id", () => {
    const again = new BoundChat(chatText(rounds), tiny);
    expect(again.conversation.add({ user: "", tokens: [1] }).id).toBe(5);
  });

  test("does not share its tokens with the text", () => {
    const tokens = [1, 2, 3];
    const one = new BoundChat(chatText([roundText(1, { tokens })]), tiny);
    one.conversation.rounds[1]!.tokens.push(4);
    expect(tokens).toEqual([1, 2, 3]);
  });

  test("has its tokens as numbers, however they were stored", () => {
    const tokens = Uint16Array.of(7, 65_000);
    const one = new BoundChat(chatText([roundText(1, { tokens })]), tiny);
    expect(one.conversation.rounds[1]!.tokens).toEqual([7, 65_000]);
  });
});

describe("a chat that another model held", () => {
  test("is read from its text, into the ids that the model was trained on", () => {
    const chat = new BoundChat(golden, tiny);
    expect(tokensOf(chat).flat()).toEqual(reference.ids);
    let start = 0;
    const starts = tokensOf(chat).map(
      ({ length }) => (start += length) - length,
    );
    expect(starts).toEqual([0, ...reference.roundStarts]);
  });

  test("knows anew where each reply begins, and that it attended to all", () => {
    const text = chatText([
      roundText(1, { textFingerprint: "", attended: [] }),
    ]);
    const [, round] = new BoundChat(text, tiny).conversation.rounds;
    const spoken = tiny.tokenizer.encodeText("Hello!");
    const { tokens, openTokens, attended } = round!;
    expect(tokens.slice(openTokens, openTokens + spoken.length)).toEqual(
      spoken,
    );
    expect(tokens).toHaveLength(openTokens + spoken.length + 2); // <|im_end|> and the line break
    expect(attended).toBeNull();
  });

  test("has no digests of the other one's keys", () => {
    const pageDigest = Float32Array.of(1, 2, 3);
    const text = chatText([roundText(1, { textFingerprint: "", pageDigest })]);
    const [, round] = new BoundChat(text, tiny).conversation.rounds;
    expect(round!.pageDigest).toBeUndefined();
  });

  test("keeps the rounds that were this one's", () => {
    const rounds = [
      roundText(1),
      roundText(2, { textFingerprint: smol.textFingerprint }),
      roundText(3),
    ];
    const [, one, two, three] = tokensOf(new BoundChat(chatText(rounds), tiny));
    expect(one).toEqual([71, 80, 90]);
    expect(three).toEqual([73, 80, 90]);
    const fresh = new BoundChat(
      chatText([roundText(2, { textFingerprint: "" })]),
      tiny,
    );
    expect(two).toEqual(tokensOf(fresh)[1]);
  });
});

describe("a reply that was cut off", () => {
  const bind = (fields: Partial<RoundText>) =>
    new BoundChat(chatText([roundText(1, fields)]), tiny).conversation
      .rounds[1]!;

  test.each(["Hello! I", ""])("is closed as it stands: %j", (reply) => {
    const round = bind({ reply, isFinished: false });
    const whole = bind({ reply, textFingerprint: "another" });
    expect(round).toMatchObject({ reply, isFinished: false });
    expect(round.tokens).toEqual(whole.tokens);
    expect(round.openTokens).toBe(whole.openTokens);
    const shown = tiny.tokenizer.decode(round.tokens.slice(round.openTokens));
    expect(shown.trim()).toBe(reply);
  });

  test("has no digest of what was closed", () => {
    const pageDigest = Float32Array.of(1);
    const round = bind({ isFinished: false, pageDigest });
    expect(round.pageDigest).toBeUndefined();
  });
});

describe("the system prompt", () => {
  afterEach(() => vi.useRealTimers());

  test("stands in a round of its own, also before anything was said", () => {
    const { conversation, tokens } = new BoundChat(chatText([]), tiny);
    expect(conversation.rounds).toHaveLength(1);
    expect(conversation.rounds[0]).toMatchObject({ id: 0, isFinished: true });
    expect(conversation.rounds[0]!.tokens).toEqual(tokens.prefix);
    expect(tokens.prefix).toEqual(reference.ids.slice(0, 16));
  });

  test("is the chat's", () => {
    const chat = new BoundChat(chatText([], "Be kind."), tiny);
    const said = tiny.tokenizer.encodeText("Be kind.");
    expect(tokensOf(chat)[0]!.join()).toContain(said.join());
  });

  test("that another model read is read anew", () => {
    const text = chatText([roundText(0, { textFingerprint: "another" })]);
    const [prefix] = tokensOf(new BoundChat(text, tiny));
    expect(prefix).toEqual(reference.ids.slice(0, 16));
  });

  test("keeps the day on which the chat began", () => {
    const source = tinyConfig.chat_template.replace(
      "You are a helpful assistant.",
      "' + strftime_now('%d %b %Y') + '",
    );
    const dated = { ...tiny, template: new ChatTemplate(source) };
    vi.useFakeTimers({ now: new Date(2025, 6, 10) });
    const first = new BoundChat(chatText([]), dated);
    vi.setSystemTime(new Date(2026, 0, 31));
    const later = new BoundChat(first.text(), dated);
    const fresh = new BoundChat(chatText([]), dated);
    expect(tokensOf(later)).toEqual(tokensOf(first));
    expect(tokensOf(fresh)).not.toEqual(tokensOf(first));
  });
});

describe("a bound chat as text", () => {
  test("is bound to the same tokens again", () => {
    const chat = new BoundChat(golden, tiny);
    expect(tokensOf(new BoundChat(chat.text(), tiny))).toEqual(tokensOf(chat));
  });

  test("says the same after other models have held it", () => {
    const chat = new BoundChat(golden, tiny);
    const there = new BoundChat(chat.text(), smol);
    const back = new BoundChat(there.text(), tiny);
    expect(saidIn(there)).toEqual(saidIn(chat));
    expect(tokensOf(there)).not.toEqual(tokensOf(chat));
    expect(tokensOf(back)).toEqual(tokensOf(chat));
  });

  // The same files in pages of another kind: tokens stay, KV does not.
  const otherPages = { ...tiny, segmentFingerprint: "other pages" };

  test("leaves behind what was on the GPU and in the store", () => {
    const chat = new BoundChat(chatText([roundText(1)]), tiny);
    const [, round] = chat.conversation.rounds;
    Object.assign(round!.lower, { computedTokens: 3, storedBytes: 100 });
    round!.lower.pages.push(3);
    const again = new BoundChat(chat.text(), otherPages);
    expect(again.conversation.rounds[1]).toMatchObject({
      tokens: [71, 80, 90],
      lower: { pages: [], computedTokens: 0, storedBytes: 0 },
    });
    expect(round!.lower.pages).toEqual([3]);
  });

  test("leaves behind what is known of its keys", () => {
    const pageDigest = Float32Array.of(1);
    const chat = new BoundChat(chatText([roundText(1, { pageDigest })]), tiny);
    const again = new BoundChat(chat.text(), otherPages);
    expect(again.conversation.rounds[1]!.pageDigest).toBeUndefined();
  });
});

test("a chat whose pages are gone with their pools knows still what is stored", () => {
  const chat = new BoundChat(chatText([roundText(0), roundText(1)]), tiny);
  for (const { lower, upper } of chat.conversation.rounds) {
    for (const half of [lower, upper]) {
      half.pages.push(1, 2);
      half.computedTokens = 3;
      half.storedBytes = 100;
    }
  }
  chat.forgetPages();
  for (const { lower, upper } of chat.conversation.rounds) {
    const gone = { pages: [], computedTokens: 0, storedBytes: 100 };
    expect([lower, upper]).toEqual([gone, gone]);
  }
});

test("a reply without thinking begins behind an empty thought, where the template has that", () => {
  const template = new ChatTemplate(
    `${tinyConfig.chat_template}{% if add_generation_prompt and enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}`,
  );
  const thinking = new BoundChat(chatText([]), { ...tiny, template });
  const { tokenizer } = tiny;
  const opening = thinking.tokens.open("Hi", { isFirst: false });
  const silent = thinking.unthinking.open("Hi", { isFirst: false });
  expect(silent.slice(0, opening.length)).toEqual(opening);
  expect(tokenizer.decode(silent.slice(opening.length))).toBe(
    "<think></think>",
  );
  expect(canThink(template, tokenizer.markers)).toBe(true);
  expect(canThink(tiny.template, tokenizer.markers)).toBe(false);
  // Others begin as ever.
  const other = new BoundChat(chatText([]), tiny);
  expect(other.unthinking.open("Hi", { isFirst: false })).toEqual(opening);
});
