/**
 * Chat templates for models whose files have none that works: base models, and files without their tokenizer's
 * configuration. The tokens that mark turns tell how the model's family writes them.
 */
import type { Tokenizer } from "./tokenizer";

export interface FamilyTurns {
  /** Whose turns these are, as in "Gemma's turns". */
  owner: string;
  /** Jinja, as in a tokenizer_config.json. */
  template: string;
  /** Texts that end a reply, where no token does. */
  stopTexts: readonly string[];
}

interface Family extends FamilyTurns {
  /** The tokens that a model of the family has. */
  marks: readonly string[];
}

/** Each message between two texts; `name` stands for the role. */
function turns(before: string, after: string, opening: string): string {
  return `{{ bos_token }}{% for message in messages %}{% set name = message.role %}{{ ${before} + message.content + ${after} }}{% endfor %}{% if add_generation_prompt %}{{ ${opening} }}{% endif %}`;
}

const FAMILIES: readonly Family[] = [
  {
    owner: "Gemma's",
    marks: ["<start_of_turn>", "<end_of_turn>"],
    // It has no turn for a system prompt, which then goes into the first message.
    template:
      "{{ bos_token }}{% for message in messages %}{% if message.role == 'system' %}{{ raise_exception('no turn for a system prompt') }}{% endif %}{{ '<start_of_turn>' + ('model' if message.role == 'assistant' else 'user') + '\n' + message.content | trim + '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}",
    stopTexts: [],
  },
  {
    owner: "Llama 3's",
    marks: ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
    template: turns(
      "'<|start_header_id|>' + name + '<|end_header_id|>\n\n'",
      "'<|eot_id|>'",
      "'<|start_header_id|>assistant<|end_header_id|>\n\n'",
    ),
    stopTexts: [],
  },
  {
    owner: "Granite's",
    marks: ["<|start_of_role|>", "<|end_of_role|>", "<|end_of_text|>"],
    template: turns(
      "'<|start_of_role|>' + name + '<|end_of_role|>'",
      "'<|end_of_text|>\n'",
      "'<|start_of_role|>assistant<|end_of_role|>'",
    ),
    stopTexts: [],
  },
  {
    owner: "Phi's",
    marks: ["<|system|>", "<|user|>", "<|assistant|>", "<|end|>"],
    template: turns("'<|' + name + '|>'", "'<|end|>'", "'<|assistant|>'"),
    stopTexts: [],
  },
  {
    owner: "ChatML's",
    marks: ["<|im_start|>", "<|im_end|>"],
    template: turns(
      "'<|im_start|>' + name + '\n'",
      "'<|im_end|>\n'",
      "'<|im_start|>assistant\n'",
    ),
    stopTexts: [],
  },
];

const PLAIN: FamilyTurns = {
  owner: "plain",
  template:
    "{{ bos_token }}{% for message in messages %}{% if message.role == 'system' %}{{ message.content + '\n\n' }}{% else %}{{ ('Assistant: ' if message.role == 'assistant' else 'User: ') + message.content + '\n\n' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}",
  stopTexts: ["\nUser:", "\nAssistant:"],
};

/** The turns of the family whose tokens a tokenizer has; else names before each message, in plain text. */
export function familyTurns(
  tokenizer: Pick<Tokenizer, "markers">,
): FamilyTurns {
  const markers = new Set(tokenizer.markers);
  return (
    FAMILIES.find(({ marks }) => marks.every((mark) => markers.has(mark))) ??
    PLAIN
  );
}
