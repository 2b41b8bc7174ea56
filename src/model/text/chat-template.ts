/** A model's chat template: Jinja that renders a chat as the text the model was trained on. */
import { Template } from "@huggingface/jinja";
import * as v from "valibot";
import { ModelFormatError } from "../../util/errors";
import { checked } from "../files/check-json";
import { type ModelFiles, readOptionalJson } from "../files/model-files";
import { strftime } from "./strftime";

export interface ChatMessage {
  role: "system" | "user" | "assistant";
  content: string;
}

/** Also as templates see calls of tools and what they gave. */
export interface RenderedMessage extends Omit<ChatMessage, "role"> {
  role: ChatMessage["role"] | "tool";
  name?: string;
  tool_calls?: readonly object[];
  tool_call_id?: string;
}

export interface RenderOptions {
  /** Whether to add the opening of the model's reply. */
  addGenerationPrompt: boolean;
  /** Other variables of the template, such as Qwen3's enable_thinking. */
  variables?: Readonly<Record<string, unknown>>;
  /** The time for templates that contain today's date. */
  now: Date;
}

const CONFIG = "tokenizer_config.json";
const JINJA = "chat_template.jinja";
const JSON_FILE = "chat_template.json";

const named = v.object({ name: v.string(), template: v.string() });
const templateField = v.object({
  chat_template: v.nullish(v.union([v.string(), v.array(named)])),
});

/** Tokens that templates may use; each a text, or an object with its text as `content`. */
const tokenField = v.nullish(
  v.union([v.string(), v.object({ content: v.string() })]),
);
const tokenFields = v.object({
  bos_token: tokenField,
  eos_token: tokenField,
  unk_token: tokenField,
  sep_token: tokenField,
  pad_token: tokenField,
  cls_token: tokenField,
  mask_token: tokenField,
  additional_special_tokens: v.nullish(v.array(tokenField)),
});

/** A model's template as it stands in its files. */
export interface TemplateText {
  /** Jinja; undefined if there is none. */
  source: string | undefined;
  file: string;
  /** Values of bos_token and the like. */
  tokens: Readonly<Record<string, unknown>>;
}

/**
 * The template from tokenizer_config.json, or from chat_template.jinja or chat_template.json, where older and
 * newer models keep it.
 *
 * @throws ModelFormatError for files that are not what they should be, ModelFetchError; the signal's reason
 */
export async function readTemplateText(
  files: ModelFiles,
  signal?: AbortSignal,
): Promise<TemplateText> {
  const config = (await readOptionalJson(files, CONFIG, signal)) ?? {};
  const tokens = specialTokens(config);

  const own = defaultOf(checked(templateField, config, CONFIG).chat_template);
  if (own !== undefined) return { source: own, file: CONFIG, tokens };

  const jinja = await files.text(JINJA, signal);
  if (jinja !== undefined) return { source: jinja, file: JINJA, tokens };

  const json = await readOptionalJson(files, JSON_FILE, signal);
  const last = defaultOf(
    checked(templateField, json ?? {}, JSON_FILE).chat_template,
  );
  return { source: last, file: JSON_FILE, tokens };
}

export class ChatTemplate {
  /** The file it comes from, for messages. */
  readonly file: string;
  /** Jinja. */
  readonly source: string;
  readonly #template: Template;
  /** Texts that end a reply, for a template whose turns no token ends. */
  readonly stopTexts: readonly string[];
  /** Why this one stands in for the model's own, in a sentence; undefined if it is the model's own. */
  readonly note: string | undefined;
  readonly #tokens: Readonly<Record<string, unknown>>;

  /**
   * @param source Jinja
   * @param tokens values of bos_token and the like
   * @throws ModelFormatError if the source does not parse
   */
  constructor(
    source: string,
    tokens: Readonly<Record<string, unknown>> = {},
    {
      file = CONFIG,
      stopTexts = [],
      note,
    }: { file?: string; stopTexts?: readonly string[]; note?: string } = {},
  ) {
    this.file = file;
    this.source = source;
    this.stopTexts = stopTexts;
    this.note = note;
    this.#tokens = tokens;
    try {
      // The library's own strftime_now uses the page's language for months, and always the current time.
      this.#template = new Template(
        `{% set strftime_now = strftime_then %}\n${source}`,
      );
    } catch (error) {
      throw this.#problem("a chat template that parses", error);
    }
  }

  /**
   * The chat as text.
   *
   * @throws ModelFormatError if the template refuses the messages or fails
   */
  render(messages: readonly RenderedMessage[], options: RenderOptions): string {
    const render = (absent: object): string =>
      this.#template.render({
        ...absent,
        ...this.#tokens,
        messages,
        add_generation_prompt: options.addGenerationPrompt,
        strftime_then: (format: string) => strftime(options.now, format),
        ...options.variables,
      });
    try {
      return render({ tools: null, documents: null });
    } catch (error) {
      // Most templates ask whether there are tools; some take them as given once they are defined.
      try {
        return render({});
      } catch {
        throw this.#problem(
          "a chat template that renders these messages",
          error,
        );
      }
    }
  }

  #problem(expected: string, error: unknown): ModelFormatError {
    const found = `an error (${error instanceof Error ? error.message : String(error)})`;
    return new ModelFormatError({ file: this.file, expected, found });
  }
}

/** The template; if there are several, the one named "default". */
function defaultOf(
  field: v.InferOutput<typeof templateField>["chat_template"],
): string | undefined {
  if (typeof field === "string") return field;
  return field?.find(({ name }) => name === "default")?.template;
}

/** Names and texts of the tokens that are set; templates ask whether the others are defined. */
function specialTokens(config: unknown): Record<string, unknown> {
  const { additional_special_tokens, ...single } = checked(
    tokenFields,
    config,
    CONFIG,
  );
  const textOf = (
    token: v.InferOutput<typeof tokenField>,
  ): string | undefined => (typeof token === "object" ? token?.content : token);
  const set = Object.entries(single).flatMap(([name, token]) => {
    const text = textOf(token);
    return text === undefined ? [] : [[name, text] as const];
  });
  const additional = additional_special_tokens?.map(textOf);
  return {
    ...Object.fromEntries(set),
    ...(additional && { additional_special_tokens: additional }),
  };
}
