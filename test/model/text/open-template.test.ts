// Which template a model chats with: its own, or its family's where its own is missing or does not work.
import { describe, expect, test } from "vitest";
import { chatLayout } from "../../../src/model/text/chat-layout";
import type { ChatTemplate } from "../../../src/model/text/chat-template";
import { openTemplate } from "../../../src/model/text/open-template";
import type { Segment } from "../../../src/model/text/tokenizer";
import { ModelFetchError } from "../../../src/util/errors";
import { SMOLLM2_TEMPLATE } from "../../support/chat-templates";
import { memoryFiles } from "../../support/memory-files";

const CHATML = ["<|im_start|>", "<|im_end|>"];

function opened(markers: readonly string[], config: object = {}) {
  const files = memoryFiles({ "tokenizer_config.json": config });
  return openTemplate(files, { markers });
}

function shown(segments: Segment[]): string {
  return segments
    .map((s) => ("template" in s ? s.template : `{${s.content}}`))
    .join("");
}

/** Two rounds of a chat as text, with what people say in braces. */
function chat(
  template: ChatTemplate,
  markers: readonly string[],
  system?: string,
): string {
  const { prefix, open, close } = chatLayout(template, { system, markers });
  const end = shown(close);
  return [
    shown(prefix),
    `${shown(open("Hi", { isFirst: true }))}Hello${end}`,
    `${shown(open("Bye", { isFirst: false }))}Bye${end}`,
  ].join("");
}

const families: [name: string, marks: string, chat: string][] = [
  [
    "Gemma's",
    "<start_of_turn> <end_of_turn>",
    "<s><start_of_turn>user\n{S\n\n}{Hi}<end_of_turn>\n<start_of_turn>model\nHello<end_of_turn>\n" +
      "<start_of_turn>user\n{Bye}<end_of_turn>\n<start_of_turn>model\nBye<end_of_turn>\n",
  ],
  [
    "ChatML's",
    "<|im_start|> <|im_end|> <|endoftext|>",
    "<s><|im_start|>system\n{S}<|im_end|>\n<|im_start|>user\n{Hi}<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n" +
      "<|im_start|>user\n{Bye}<|im_end|>\n<|im_start|>assistant\nBye<|im_end|>\n",
  ],
  [
    "Llama 3's",
    "<|start_header_id|> <|end_header_id|> <|eot_id|>",
    "<s><|start_header_id|>system<|end_header_id|>\n\n{S}<|eot_id|>" +
      "<|start_header_id|>user<|end_header_id|>\n\n{Hi}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nHello<|eot_id|>" +
      "<|start_header_id|>user<|end_header_id|>\n\n{Bye}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nBye<|eot_id|>",
  ],
  [
    "Granite's",
    "<|start_of_role|> <|end_of_role|> <|end_of_text|>",
    "<s><|start_of_role|>system<|end_of_role|>{S}<|end_of_text|>\n" +
      "<|start_of_role|>user<|end_of_role|>{Hi}<|end_of_text|>\n<|start_of_role|>assistant<|end_of_role|>Hello<|end_of_text|>\n" +
      "<|start_of_role|>user<|end_of_role|>{Bye}<|end_of_text|>\n<|start_of_role|>assistant<|end_of_role|>Bye<|end_of_text|>\n",
  ],
  [
    "Phi's",
    "<|system|> <|user|> <|assistant|> <|end|>",
    "<s><|system|>{S}<|end|><|user|>{Hi}<|end|><|assistant|>Hello<|end|><|user|>{Bye}<|end|><|assistant|>Bye<|end|>",
  ],
  [
    "plain",
    "<|endoftext|> <start_of_turn>",
    "<s>{S}\n\nUser: {Hi}\n\nAssistant:Hello\n\nUser: {Bye}\n\nAssistant:Bye\n\n",
  ],
];

describe("a model without a template", () => {
  test.each(families)("chats with %s turns", async (owner, marks, expected) => {
    const markers = ["<s>", ...marks.split(" ")];
    const template = await opened(markers, { bos_token: "<s>" });
    expect(chat(template, markers, "S")).toBe(expected);
    expect(template.note).toBe(
      `No chat template in the model's files: ${owner} turns are used.`,
    );
    expect(template.stopTexts).toEqual(
      owner === "plain" ? ["\nUser:", "\nAssistant:"] : [],
    );
    // Without BOS and system prompt, a chat begins with its first message.
    const bare = chat(await opened(markers), markers);
    expect(bare).not.toContain("{S");
    expect(bare.startsWith("<s>")).toBe(false);
  });
});

describe("a model with a template", () => {
  test("chats with it, and there is nothing to say", async () => {
    const template = await opened(CHATML, { chat_template: SMOLLM2_TEMPLATE });
    expect(template.source).toBe(SMOLLM2_TEMPLATE);
    expect(template.note).toBeUndefined();
    expect(template.stopTexts).toEqual([]);
  });

  test.each([
    ["does not parse", "{% if %}", "a chat template that parses"],
    ["fails", "{{ raise_exception('never') }}", "renders these messages"],
    ["says nothing of the messages", "hello", "copies messages verbatim"],
  ])(
    "that %s chats with its family's turns, and says why",
    async (_, chat_template, why) => {
      const template = await opened(CHATML, { chat_template });
      expect(template.note).toContain(
        "The model's chat template does not work",
      );
      expect(template.note).toContain(why);
      expect(template.note).toMatch(/: ChatML's turns are used\.$/);
      expect(chat(template, CHATML)).toContain("<|im_start|>user\n{Hi}");
    },
  );
});

test("what keeps the files from being read is no reason for other turns", async () => {
  const files = memoryFiles({});
  files.text = () => Promise.reject(new ModelFetchError("no"));
  await expect(openTemplate(files, { markers: [] })).rejects.toThrow(
    ModelFetchError,
  );
  await expect(opened([], { chat_template: 3 })).rejects.toThrow(
    /^tokenizer_config\.json: expected chat_template/,
  );
});
