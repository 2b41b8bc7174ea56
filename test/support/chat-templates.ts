/** The templates of test/fixtures/chat-templates, with the texts that others render from them. */
import {
  ChatTemplate,
  type ChatMessage,
} from "../../src/model/text/chat-template";
import { fixtureJson } from "./tokenizers";

export interface TemplateCase {
  name: string;
  source: string;
  /** bos_token and the like. */
  tokens: Record<string, unknown>;
}

/** A case with a chat and its text. Messages may have tool calls and parts, beyond ChatMessage. */
export interface RenderCase extends TemplateCase {
  messages: ChatMessage[];
  addGenerationPrompt: boolean;
  variables: Record<string, unknown>;
  expected: string;
  now: Date;
}

export function templateOf({ source, tokens }: TemplateCase): ChatTemplate {
  return new ChatTemplate(source, tokens);
}

interface HuggingFaceCase {
  chat_template: string;
  data: { messages: ChatMessage[]; add_generation_prompt?: boolean } & Record<
    string,
    unknown
  >;
  target: string;
}

export function huggingFaceCases(): RenderCase[] {
  const file = fixtureJson("chat-templates/hf_jinja_e2e.json") as {
    fixed_date: string;
    default_templates: Record<string, HuggingFaceCase>;
    custom_templates: Record<string, HuggingFaceCase>;
  };
  const cases = { ...file.default_templates, ...file.custom_templates };
  return Object.entries(cases).map(
    ([name, { chat_template, data, target }]) => {
      const { messages, add_generation_prompt, ...rest } = data;
      const isToken = ([key]: [string, unknown]) => key.endsWith("_token");
      return {
        name,
        source: chat_template,
        tokens: Object.fromEntries(Object.entries(rest).filter(isToken)),
        messages,
        addGenerationPrompt: add_generation_prompt ?? false,
        // One template asks whether the flag is defined.
        variables: { add_generation_prompt, ...rest },
        expected: target,
        now: new Date(file.fixed_date),
      };
    },
  );
}

export function llamaCppCases(): RenderCase[] {
  const file = fixtureJson(
    "chat-templates/llamacpp_chat_template_cases.json",
  ) as {
    conversation: ChatMessage[];
    add_generation_prompt: boolean;
    cases: {
      name: string;
      template: string;
      expected_legacy: string;
      expected_jinja: string;
      bos_token: string;
      eos_token: string;
    }[];
  };
  return file.cases.map((item) => ({
    name: item.name,
    source: item.template,
    tokens: { bos_token: item.bos_token, eos_token: item.eos_token },
    messages: file.conversation,
    addGenerationPrompt: file.add_generation_prompt,
    variables: {},
    expected: item.expected_jinja || item.expected_legacy,
    now: new Date(2025, 0, 1),
  }));
}

/** SmolLM2-Instruct's template. */
export const SMOLLM2_TEMPLATE =
  "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
