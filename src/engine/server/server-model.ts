/** A model on a server: finds out what it is, and asks it for replies. Needs nothing of the platform but `fetch`. */
import * as v from "valibot";
import { ContextFullError, ServerError } from "../../util/errors";
import type { ModelInfo, ServerKind } from "../api/models";
import type { ReplyOptions, ToolChoice } from "../api/replies";
import type { ServerSource } from "../api/server-source";
import { apiBase, serverRoot } from "./endpoint";
import { eventData } from "./event-stream";
import {
  type Asked,
  brokenOff,
  failureOf,
  unreachable,
  wordsOf,
} from "./failure";
import { toolSchema } from "../../model/text/plain-tools";
import type { ToolDefinition } from "../../store/tools";
import type { ServerMessage } from "./messages";
import { type ReplyChunk, replyChunk } from "./reply-chunk";
import { refusedFields, requestFields } from "./request-fields";

/** How often a request is tried again without fields that were refused. */
const MOST_TRIES = 4;

const modelList = v.object({
  data: v.array(
    v.object({
      id: v.string(),
      owned_by: v.fallback(v.nullish(v.string()), undefined),
      // vLLM's
      max_model_len: v.fallback(v.nullish(v.number()), undefined),
      // llama-server's
      meta: v.fallback(
        v.nullish(
          v.object({
            n_ctx: v.fallback(v.nullish(v.number()), undefined),
            n_params: v.fallback(v.nullish(v.number()), undefined),
          }),
        ),
        undefined,
      ),
    }),
  ),
});

type ListedModel = v.InferOutput<typeof modelList>["data"][number];

const properties = v.object({
  chat_template: v.fallback(v.string(), ""),
});

/** A reply that broke off after its beginning; what came of it stays. */
export class BrokenOff extends Error {
  override readonly name = "BrokenOff";
}

/** What is sent of a chat. */
interface SentChat {
  messages: readonly ServerMessage[];
  tools?: readonly ToolDefinition[] | undefined;
}

export class ServerModel {
  /** As the server names it. */
  readonly id: string;
  readonly info: ModelInfo;
  readonly separator: string | undefined;
  readonly #asked: Asked;
  readonly #kind: ServerKind;
  /** Fields that it has refused. */
  readonly #refused = new Set<string>();

  private constructor(
    asked: Asked,
    id: string,
    info: ModelInfo,
    kind: ServerKind,
    separator: string | undefined,
  ) {
    this.#asked = asked;
    this.id = id;
    this.info = info;
    this.#kind = kind;
    this.separator = separator;
  }

  get endpoint(): string {
    return this.#asked.base;
  }

  /**
   * Asks the server for its models.
   *
   * @throws ServerError; TypeError for what is no address; the signal's reason
   */
  static async connect(
    { endpoint, model, apiKey, blendSeparator }: ServerSource,
    signal?: AbortSignal,
  ): Promise<ServerModel> {
    const asked = { base: apiBase(endpoint), apiKey };
    const listed = await listModels(asked, signal);
    const found = chosen(listed, model, asked);
    const id = model ?? found!.id;
    const kind = kindOf(found ?? listed[0], asked);
    const info: ModelInfo = {
      name: nameOf(id),
      architecture: "",
      parameterCount: found?.meta?.n_params ?? 0,
      layerCount: 0,
      contextTokens: found?.meta?.n_ctx ?? found?.max_model_len ?? 0,
      weightBytes: 0,
      kvBytesPerToken: 0,
      canThink: await canThink(kind, asked, signal),
      server: {
        endpoint: asked.base,
        model: id,
        kind,
        models: listed.map(({ id }) => id),
      },
    };
    return new ServerModel(asked, id, info, kind, blendSeparator);
  }

  /**
   * A reply, as its parts come. Returns the options that the server did without, with the first part.
   *
   * @throws ServerError, ContextFullError; BrokenOff where it ended too early; the signal's reason
   */
  async *ask(
    chat: SentChat,
    options: ReplyOptions,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<ReplyChunk & { leftOut: readonly string[] }, void> {
    const { response, leftOut } = await this.#begun(chat, options, signal);
    let hasEnd = false;
    try {
      for await (const json of events(response)) {
        if (json === "[DONE]") return;
        const event = parsed(json);
        const { error } = (event ?? {}) as { error?: unknown };
        if (error !== undefined && error !== null) throw this.#broken(json);
        const chunk = replyChunk(event);
        hasEnd ||= chunk.end !== undefined;
        yield { ...chunk, leftOut };
      }
    } catch (error) {
      signal?.throwIfAborted();
      // The connection: how it ended, only the platform's console knows.
      if (error instanceof TypeError)
        throw new BrokenOff(
          `The connection to ${new URL(this.endpoint).host} broke off.`,
        );
      throw error;
    }
    if (!hasEnd)
      throw new BrokenOff(
        `${new URL(this.endpoint).host} closed the connection before the reply's end.`,
      );
  }

  #broken(event: string): Error {
    const failure = failureOf(this.#asked, 400, event);
    return failure instanceof ContextFullError
      ? failure
      : new BrokenOff(brokenOff(this.#asked, event));
  }

  /** Asks again without the fields that a server refuses, where it can do without. */
  async #begun(
    { messages, tools = [] }: SentChat,
    options: ReplyOptions,
    signal: AbortSignal | undefined,
  ): Promise<{ response: Response; leftOut: readonly string[] }> {
    for (let tries = 1; ; tries++) {
      const wanted = requestFields(options, this.#kind, this.#refused);
      const { fields, leftOut } = wanted;
      const called = tools.length > 0 && {
        tools: tools.map(toolSchema),
        tool_choice: choiceField(options.toolChoice),
      };
      const body = { model: this.id, messages, ...called, ...fields };
      const response = await request(this.#asked, "/chat/completions", {
        body: JSON.stringify(body),
        signal,
      });
      if (response.ok && response.body) return { response, leftOut };
      const text = await response.text().catch(() => "");
      const refused =
        response.status === 400 || response.status === 422
          ? refusedFields(fields, wordsOf(text, this.#asked))
          : [];
      if (refused.length === 0 || tries === MOST_TRIES)
        throw failure(this.#asked, response, text);
      for (const name of refused) this.#refused.add(name);
    }
  }
}

function choiceField(choice: ToolChoice | undefined): unknown {
  return typeof choice === "object"
    ? { type: "function", function: choice }
    : choice;
}

/** The data of each event; of a server that does not stream, its one answer. */
async function* events(response: Response): AsyncGenerator<string, void> {
  const type = response.headers.get("content-type") ?? "";
  if (type.includes("application/json")) yield await response.text();
  else yield* eventData(response.body!);
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new ServerError(
      "reply",
      "The server's reply is not as OpenAI's API has it: no JSON. Does its address end with /v1?",
    );
  }
}

/** @throws ServerError where no answer comes; the signal's reason */
async function request(
  asked: Asked,
  path: string,
  { body, signal }: { body?: string; signal?: AbortSignal | undefined },
): Promise<Response> {
  const { base, apiKey } = asked;
  try {
    return await fetch(`${base}${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        ...(body !== undefined && { "content-type": "application/json" }),
        ...(apiKey && { authorization: `Bearer ${apiKey}` }),
      },
      ...(body !== undefined && { body }),
      ...(signal && { signal }),
      credentials: "omit",
      cache: "no-store",
      referrerPolicy: "no-referrer",
      // A key must not go where the user has not sent it.
      redirect: "error",
    });
  } catch {
    signal?.throwIfAborted();
    throw await unreachable(asked);
  }
}

function failure(asked: Asked, response: Response, body: string): Error {
  const retryAfter = response.headers.get("retry-after");
  return failureOf(asked, response.status, body, retryAfter);
}

/** None where the server has no list. */
async function listModels(
  asked: Asked,
  signal: AbortSignal | undefined,
): Promise<ListedModel[]> {
  const response = await request(asked, "/models", { signal });
  const text = await response.text();
  if (response.status === 404 || response.status === 405) return [];
  if (!response.ok) throw failure(asked, response, text);
  const list = v.safeParse(modelList, parsed(text));
  return list.success ? list.output.data : [];
}

/** @throws ServerError for a model that is not there */
function chosen(
  listed: readonly ListedModel[],
  model: string | undefined,
  asked: Asked,
): ListedModel | undefined {
  const { host } = new URL(asked.base);
  const [first] = listed;
  if (model === undefined) {
    if (first !== undefined) return first;
    throw new ServerError(
      "refused",
      `${host} lists no models at ${asked.base}/models. Check the address, which mostly ends with /v1, or name the model.`,
    );
  }
  const [untagged] = model.split(":");
  const found =
    listed.find(({ id }) => id === model) ??
    listed.find(({ id }) => id === `${model}:latest` || id === untagged);
  // A llama-server with one model answers to any name.
  const isAny = listed.length === 1 && first?.owned_by === "llamacpp";
  if (found !== undefined || listed.length === 0) return found;
  if (isAny) return first;
  const names = listed.slice(0, 10).map(({ id }) => id);
  const more = listed.length > names.length ? ", …" : "";
  throw new ServerError(
    "refused",
    `${host} has no model ${JSON.stringify(model)}. It has ${names.join(", ")}${more}.`,
  );
}

/** Without the folder, where a server names a model by its file. */
function nameOf(id: string): string {
  return /\.gguf$/i.test(id) ? id.split(/[\\/]/).at(-1)! : id;
}

function kindOf(model: ListedModel | undefined, { base }: Asked): ServerKind {
  if (new URL(base).port === "11434") return "Ollama";
  switch (model?.owned_by) {
    case "llamacpp":
      return "llama-server";
    case "vllm":
      return "vLLM";
    case "library":
      return "Ollama";
    case "organization_owner":
      return "LM Studio";
    default:
      return "other";
  }
}

/** Whether it may answer with or without thinking: llama-server shows its template; the others ignore the wish. */
async function canThink(
  kind: ServerKind,
  asked: Asked,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (kind !== "llama-server") return kind === "vLLM" || kind === "Ollama";
  const root = { ...asked, base: serverRoot(asked.base) };
  try {
    const response = await request(root, "/props", { signal });
    const found = v.parse(properties, await response.json());
    return found.chat_template.includes("enable_thinking");
  } catch {
    signal?.throwIfAborted();
    return false;
  }
}
