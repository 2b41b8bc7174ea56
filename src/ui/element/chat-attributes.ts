import { LitElement } from "lit";
import { property } from "lit/decorators.js";
import type { ChatEngine } from "../../engine/api/chat-engine";
import {
  checkedMessages,
  type ChatMessage,
} from "../state/chats/chat-messages";
import { EXAMPLES } from "../transcript/examples";
import type { ModelSource } from "../../engine/api/models";
import { sourceOf } from "../state/models/model-request";
import {
  allowedText,
  ATTENTION_MODES,
  isWithin,
  numberOf,
  RANGES,
  type NumberName,
  type SettingName,
  type Settings,
} from "../state/settings/settings";

/**
 * The attributes of `<rondo-chat>` and the properties of the same names. An invalid value is reported on the console
 * and replaced by the default; it never throws.
 */
export class ChatAttributes extends LitElement {
  /**
   * The ChatEngine that loads and answers. Default: one that is shared by all elements of the page that
   * name the same model. To use one of your own, set it before the element is put into the page.
   */
  @property({ attribute: false }) engine: ChatEngine | undefined;

  /**
   * The model that is loaded unless the user has chosen another: its name on the hub, or its address,
   * relative to the page.
   */
  @property() model = "";

  /**
   * The address of an OpenAI-compatible server, such as "http://localhost:8080/v1": its model answers, by the name in
   * `model` or the first that it has. Chats stay on this device.
   */
  @property() endpoint = "";

  /** The key for `endpoint`, kept in memory alone. No attribute: what is in the page's source is no secret. */
  @property({ attribute: false }) apiKey: string | undefined;

  /** URL of a hub or mirror to use instead of huggingface.co. */
  @property() hub = "";

  /** Whether the user can't choose another model. */
  @property({ type: Boolean, attribute: "fixed-model" }) fixedModel = false;

  /** The system prompt of new chats, until the user changes it. */
  @property() system = "";

  /** Messages that new chats begin with: shown, and read by the model with the first message. As an attribute, JSON. */
  @property({ converter: messagesFrom() })
  history: readonly ChatMessage[] = [];

  /** Shown in the empty box. */
  @property() placeholder = "Write a message";

  /** Example messages, offered in a new chat. */
  @property({ attribute: false }) examples: readonly string[] = EXAMPLES;

  /** Whether only the chat itself is shown, without the list of chats and the header: for embedding in a page. */
  @property({ type: Boolean, reflect: true }) compact = false;

  /** Whether the chat can only be read: `compact`, without a box, and no model is loaded. */
  @property({ type: Boolean, reflect: true }) readonly = false;

  /** Sampling temperature; 0 always takes the likeliest token. Default: the model's. */
  @property({ converter: numberFrom("temperature") })
  temperature: number | undefined;

  /** Samples from this many of the likeliest tokens; 0: all. Default: the model's. */
  @property({ attribute: "top-k", converter: numberFrom("topK") })
  topK: number | undefined;

  /** Samples from the likeliest tokens that together have this probability; 1: all. Default: the model's. */
  @property({ attribute: "top-p", converter: numberFrom("topP") })
  topP: number | undefined;

  /** Samples from tokens at least this share as likely as the likeliest; 0: all. Default: the model's. */
  @property({ attribute: "min-p", converter: numberFrom("minP") })
  minP: number | undefined;

  /** Above 1, tokens already in the chat become less likely. Default: the model's, mostly 1. */
  @property({
    attribute: "repetition-penalty",
    converter: numberFrom("repetitionPenalty"),
  })
  repetitionPenalty: number | undefined;

  /** Same seed, same text. Default: a new one for each reply. */
  @property({ converter: numberFrom("seed") })
  seed: number | undefined;

  /** Maximum tokens of a reply. Default 1024. */
  @property({ attribute: "max-tokens", converter: numberFrom("maxTokens") })
  maxTokens: number | undefined;

  /** Maximum bytes of KV on the GPU, or a string such as "512MB"; from the next load on. Default 1 GiB. */
  @property({ attribute: "memory-budget" })
  memoryBudget: number | string | undefined;

  /** "rounds" attends to the rounds that matter for the question, "all" to all. Default "rounds". */
  @property() attention: "rounds" | "all" | undefined;

  /** Share of the question's attention that the selected rounds must hold, 0 to 1. Default: the model's. */
  @property({ converter: numberFrom("tau") })
  tau: number | undefined;

  /** Share of the chat that is recomputed where KV is stale, 0 to 1. Default 0.15. */
  @property({ converter: numberFrom("repair") })
  repair: number | undefined;

  /** What the user gave as a key, for the server that asked for it alone. */
  protected typedKey: { endpoint: string; key: string } | undefined;

  /** The model as an engine takes it; undefined where none is named, or `model` is invalid. */
  protected get modelSource(): ModelSource | undefined {
    const { endpoint, model, typedKey } = this;
    const typed = typedKey?.endpoint === endpoint ? typedKey.key : undefined;
    const apiKey = typed ?? this.apiKey;
    if (endpoint) return { endpoint, model: model || undefined, apiKey };
    if (!model) return undefined;
    try {
      return sourceOf(model);
    } catch {
      warn("model", model, "a model's name on the hub, or an address");
      return undefined;
    }
  }

  /** The hub's URL, where `hub` is set. */
  protected get hubUrl(): string | undefined {
    const { hub } = this;
    if (!hub) return undefined;
    if (URL.canParse(hub, document.baseURI)) return hub;
    warn("hub", hub, "an address");
    return undefined;
  }

  /** The attributes that are settings; invalid ones are left out and reported on the console. */
  protected get defaults(): Settings {
    const { memoryBudget, attention } = this;
    const memoryBudgetBytes =
      typeof memoryBudget === "string"
        ? (numberOf("memoryBudgetBytes", memoryBudget) ?? memoryBudget)
        : memoryBudget;
    const said: Record<SettingName, unknown> = {
      temperature: this.temperature,
      topK: this.topK,
      topP: this.topP,
      minP: this.minP,
      repetitionPenalty: this.repetitionPenalty,
      seed: this.seed,
      maxTokens: this.maxTokens,
      tau: this.tau,
      repair: this.repair,
      memoryBudgetBytes,
      attention,
    };
    const isRight = (name: SettingName, value: unknown) =>
      name === "attention"
        ? ATTENTION_MODES.some((mode) => mode === value)
        : isWithin(name, value);
    const entries = Object.entries(said) as [SettingName, unknown][];
    const right = entries.filter(([name, value]) => {
      if (value === undefined || value === null) return false;
      if (isRight(name, value)) return true;
      warn(attributeOf(name), value, allowedText(name));
      return false;
    });
    return Object.fromEntries(right);
  }

  /** `history`, where it is valid. */
  protected get messages(): ChatMessage[] {
    try {
      return checkedMessages(this.history ?? []);
    } catch (error) {
      console.warn(`<rondo-chat> history: ${(error as Error).message}`);
      return [];
    }
  }
}

/** Properties that `defaults` is made of. */
export const SETTING_PROPERTIES = [
  ...(Object.keys(RANGES) as NumberName[]).filter(
    (name) => name !== "memoryBudgetBytes",
  ),
  "memoryBudget",
  "attention",
] as const;

function numberFrom(name: NumberName) {
  return {
    fromAttribute(text: string | null): number | undefined {
      if (text === null) return undefined;
      const value = numberOf(name, text);
      if (value === undefined) warn(attributeOf(name), text, allowedText(name));
      return value;
    },
  };
}

function messagesFrom() {
  return {
    fromAttribute(text: string | null): ChatMessage[] {
      if (text === null) return [];
      try {
        return checkedMessages(JSON.parse(text));
      } catch (error) {
        console.warn(`<rondo-chat> history: ${(error as Error).message}`);
        return [];
      }
    },
  };
}

function attributeOf(name: SettingName): string {
  if (name === "memoryBudgetBytes") return "memory-budget";
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function warn(attribute: string, value: unknown, allowed: string): void {
  console.warn(
    `<rondo-chat> ${attribute}: expected ${allowed}, found ${JSON.stringify(value) ?? String(value)}. Using the default.`,
  );
}
