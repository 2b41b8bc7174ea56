/** Chats as text against what other implementations render; see SOURCE.md beside the templates. */
import { describe, expect, it } from "vitest";
import {
  huggingFaceCases,
  llamaCppCases,
  templateOf,
  type RenderCase,
} from "../../support/chat-templates";

function render(item: RenderCase): string {
  const { messages, addGenerationPrompt, variables, now } = item;
  return templateOf(item).render(messages, {
    addGenerationPrompt,
    variables,
    now,
  });
}

/** Runs every case; those listed must fail, so that the list stays true. */
function runAll(cases: RenderCase[], failing: Record<string, string>): void {
  it("lists no case that there is not", () => {
    const names = cases.map(({ name }) => name);
    expect(
      Object.keys(failing).filter((name) => !names.includes(name)),
    ).toEqual([]);
  });
  for (const item of cases) {
    const reason = failing[item.name];
    if (reason === undefined) {
      it(item.name, () => expect(render(item)).toBe(item.expected));
    } else {
      it(`${item.name} differs: ${reason}`, () => {
        let text: string | undefined;
        try {
          text = render(item);
        } catch {
          text = undefined;
        }
        expect(text).not.toBe(item.expected);
      });
    }
  }
}

describe("Hugging Face's cases", () => {
  runAll(huggingFaceCases(), {});
});

describe("llama.cpp's cases", () => {
  const folds =
    "llama.cpp puts the system prompt into the first message of its own accord";
  runAll(llamaCppCases(), {
    "mistralai/Mistral-7B-Instruct-v0.2 (NOTE: Old pre-v1 without a system prompt)":
      folds,
    "google/gemma-7b-it": folds,
    "OrionStarAI/Orion-14B-Chat": folds,
    "Phi-3-mini": folds,
    "Phi-3-medium": folds,
    "yandex/YandexGPT-5-Lite-8B-instruct": folds,
    "mlabonne/AlphaMonarch-7B":
      "llama.cpp takes off the BOS that the template writes as text",
    ChatGLM3:
      "the template writes a space before each message, llama.cpp's formatter does not",
    "ai-sage/GigaChat-20B-A3B-instruct":
      "the template asks for special tokens the case does not give",
  });
});
