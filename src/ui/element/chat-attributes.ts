import { LitElement } from "lit";
import { property } from "lit/decorators.js";
import type { ChatEngine } from "../../engine/api/chat-engine";
import {
  checkedMessages,
  type ChatMessage,
} from "../state/chats/chat-messages";
import { EXAMPLES } from "../transcript/examples";
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
 * What a page says about a `<rondo-chat>`: its attributes, and the properties of the same names. A value
 * that cannot be is told on the console, and the default holds instead: the element never fails over it.
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

  /** Another hub than huggingface.co, or a mirror: its address. */
  @property() hub = "";

  /** Whether the user is kept from choosing another model. */
  @property({ type: Boolean, attribute: "fixed-model" }) fixedModel = false;

  /** What the model is told first in new chats, until the user writes other instructions. */
  @property() system = "";

  /** What new chats begin with: shown, and read by the model with the first message. As an attribute, JSON. */
  @property({ converter: messagesFrom() })
  history: readonly ChatMessage[] = [];

  /** What stands in the empty box. */
  @property() placeholder = "Write a message";

  /** Things to say, offered in a new chat. */
  @property({ attribute: false }) examples: readonly string[] = EXAMPLES;

  /** Whether only the chat itself is shown, without the list of chats and the header: for a place in another page. */
  @property({ type: Boolean, reflect: true }) compact = false;

  /** Whether the chat can only be read: `compact`, without a box, and no model is loaded. */
  @property({ type: Boolean, reflect: true }) readonly = false;

  /** From 0, which takes the likeliest token each time. Default: the model's. */
  @property({ converter: numberFrom("temperature") })
  temperature: number | undefined;

  /** So many of the likeliest tokens are drawn from; 0: all. Default: the model's. */
  @property({ attribute: "top-k", converter: numberFrom("topK") })
  topK: number | undefined;

  /** The likeliest tokens that together have this probability are drawn from; 1: all. Default: the model's. */
  @property({ attribute: "top-p", converter: numberFrom("topP") })
  topP: number | undefined;

  /** Tokens at least this share as likely as the likeliest are drawn from; 0: all. Default: the model's. */
  @property({ attribute: "min-p", converter: numberFrom("minP") })
  minP: number | undefined;

  /** Above 1, tokens that are in the chat already are made less likely. Default: the model's, mostly 1. */
  @property({
    attribute: "repetition-penalty",
    converter: numberFrom("repetitionPenalty"),
  })
  repetitionPenalty: number | undefined;

  /** Same seed, same text. Default: drawn anew for each reply. */
  @property({ converter: numberFrom("seed") })
  seed: number | undefined;

  /** Tokens of a reply at most. Default 1024. */
  @property({ attribute: "max-tokens", converter: numberFrom("maxTokens") })
  maxTokens: number | undefined;

  /** Bytes of the chats' memory on the GPU at most, or a text such as "512MB"; from the next load on. Default 1 GiB. */
  @property({ attribute: "memory-budget" })
  memoryBudget: number | string | undefined;

  /** "rounds" answers from the rounds that matter for the question, "all" from all. Default "rounds". */
  @property() attention: "rounds" | "all" | undefined;

  /** Share of the question's attention that the rounds it is answered from hold together, 0 to 1. Default: the model's. */
  @property({ converter: numberFrom("tau") })
  tau: number | undefined;

  /** Share of the chat that is computed again where memory is stale, 0 to 1. Default 0.15. */
  @property({ converter: numberFrom("repair") })
  repair: number | undefined;

  /** The model as an engine takes it; undefined where none is named, or none can have this name. */
  protected get modelSource(): string | undefined {
    const { model } = this;
    if (!model) return undefined;
    try {
      return sourceOf(model);
    } catch {
      warn("model", model, "a model's name on the hub, or an address");
      return undefined;
    }
  }

  /** The hub's address, where another one is named. */
  protected get hubUrl(): string | undefined {
    const { hub } = this;
    if (!hub) return undefined;
    if (URL.canParse(hub, document.baseURI)) return hub;
    warn("hub", hub, "an address");
    return undefined;
  }

  /** What of it are settings; without those that cannot be, which are told on the console. */
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

  /** The history, where it is one. */
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
