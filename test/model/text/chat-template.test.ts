import { describe, expect, it } from "vitest";
import {
  ChatTemplate,
  readTemplateText,
  type ChatMessage,
} from "../../../src/model/text/chat-template";
import { strftime } from "../../../src/model/text/strftime";
import { ModelFormatError } from "../../../src/util/errors";
import { memoryFiles } from "../../support/memory-files";

const now = new Date(2025, 6, 4, 15, 9, 5);
const hi: ChatMessage[] = [{ role: "user", content: "Hi" }];

function render(
  template: ChatTemplate,
  variables: Record<string, unknown> = {},
): string {
  return template.render(hi, { addGenerationPrompt: true, variables, now });
}

describe("a template's text", () => {
  const config = (chat_template: unknown) => ({
    "tokenizer_config.json": { chat_template },
  });
  const cases: [where: string, contents: Record<string, unknown>][] = [
    ["tokenizer_config.json", config("found")],
    [
      "the one named default",
      config([
        { name: "tool_use", template: "other" },
        { name: "default", template: "found" },
      ]),
    ],
    [
      "chat_template.jinja",
      { ...config(null), "chat_template.jinja": "found" },
    ],
    [
      "chat_template.json",
      { "chat_template.json": { chat_template: "found" } },
    ],
  ];
  for (const [where, contents] of cases) {
    it(`is found in ${where}`, async () => {
      const { source, file } = await readTemplateText(memoryFiles(contents));
      expect(source).toBe("found");
      expect(Object.keys(contents)).toContain(file);
    });
  }

  it("may be nowhere", async () => {
    const none = [
      {},
      config(null),
      config([{ name: "tool_use", template: "other" }]),
    ];
    for (const contents of none) {
      const { source } = await readTemplateText(memoryFiles(contents));
      expect(source).toBeUndefined();
    }
  });
});

describe("a template", () => {
  it("knows the special tokens that are set, written as text or as objects", async () => {
    const files = memoryFiles({
      "tokenizer_config.json": {
        bos_token: { content: "<s>", lstrip: false },
        eos_token: "</s>",
        pad_token: null,
        additional_special_tokens: ["<a>", { content: "<b>" }],
        chat_template:
          "{{ bos_token }}{{ eos_token }}{{ pad_token is defined }}{{ additional_special_tokens[1] }}",
      },
    });
    const { source, tokens } = await readTemplateText(files);
    expect(render(new ChatTemplate(source!, tokens))).toBe("<s></s>false<b>");
  });

  it("sees no tools and no documents, and what it is given besides", () => {
    const template = new ChatTemplate(
      "{{ tools is none and documents is none }} {{ mood }}",
    );
    expect(render(template, { mood: "mellow" })).toBe("true mellow");
  });

  it("may take tools as given wherever they are defined", () => {
    const template = new ChatTemplate(
      "{% if tools is defined %}{% for tool in tools %}{{ tool }}{% endfor %}{% endif %}{{ messages[0].content }}",
    );
    expect(render(template)).toBe("Hi");
  });

  it("says which file does not parse", () => {
    const file = "chat_template.jinja";
    expect(() => new ChatTemplate("{% if %}", {}, { file })).toThrow(
      /^chat_template\.jinja: expected a chat template that parses/,
    );
  });

  it("names the date in English, and the one it is told", () => {
    const template = new ChatTemplate('{{ strftime_now("%d %b %Y") }}');
    expect(render(template)).toBe("04 Jul 2025");
  });

  it("keeps the space it starts with, as Jinja does", () => {
    expect(render(new ChatTemplate("\n  {{ messages[0].content }}"))).toBe(
      "\n  Hi",
    );
    expect(render(new ChatTemplate("  {% if true %}\nx{% endif %}"))).toBe("x");
  });

  it("says why it refuses messages", () => {
    const template = new ChatTemplate(
      "{{ raise_exception('Only system prompts, please') }}",
    );
    expect(() => render(template)).toThrow(ModelFormatError);
    expect(() => render(template)).toThrow(
      /renders these messages.*Only system prompts, please/,
    );
  });
});

describe("strftime", () => {
  it("writes what Python writes in the C locale", () => {
    expect(strftime(now, "%A, %d %B %Y")).toBe("Friday, 04 July 2025");
    expect(strftime(now, "%a %d %b %y %m")).toBe("Fri 04 Jul 25 07");
    expect(strftime(now, "%H:%M:%S = %I %p, 100%%")).toBe(
      "15:09:05 = 03 PM, 100%",
    );
    expect(strftime(new Date(2025, 0, 1, 0), "%I %p")).toBe("12 AM");
  });

  it("leaves what it does not know", () => {
    expect(strftime(now, "%Q%")).toBe("%Q%");
  });
});
