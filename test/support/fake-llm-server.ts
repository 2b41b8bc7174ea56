/**
 * A server with OpenAI's API that answers as llama-server, vLLM, Ollama or LM Studio do: with the fields that these
 * have, as their sources and documents show them. It keeps a cache of prefixes by characters.
 */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { ServerKind } from "../../src/engine/api/models";

/** What was asked, without its address. */
export interface AskedReply {
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: {
    model: string;
    messages: { role: string; content: string }[];
    [field: string]: unknown;
  };
  /** Whether the caller has gone before the reply's end. */
  hasLeft: boolean;
}

export interface FakeLlmServerOptions {
  kind?: ServerKind;
  models?: string[];
  apiKey?: string;
  /** The reply's parts; those that begin with "thinks " are sent as thinking, with "call " as a piece of a call. */
  parts?: string[];
  /** Fields that are refused with 400. */
  refused?: string[];
  /** Answers each request with this status and body instead. */
  fails?: { status: number; body: string; headers?: Record<string, string> };
  /** Closes the connection after so many parts. */
  cutAfter?: number;
  /** Says an error in the stream after so many parts. */
  errorAfter?: number;
  /** Never ends the reply. */
  hangs?: boolean;
  finishReason?: string;
}

const OWNERS: Record<ServerKind, string> = {
  "llama-server": "llamacpp",
  vLLM: "vllm",
  Ollama: "library",
  "LM Studio": "organization_owner",
  other: "somebody",
};

export interface FakeLlmServer {
  /** Of its API. */
  endpoint: string;
  asked: AskedReply[];
  /** How it answers from now on. */
  options: FakeLlmServerOptions;
  close(): Promise<void>;
}

export async function fakeLlmServer(
  options: FakeLlmServerOptions = {},
): Promise<FakeLlmServer> {
  const fake = { options };
  const asked: AskedReply[] = [];
  const seen: string[] = [];
  const server = createServer((request, response) => {
    const { options } = fake;
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const send = (status: number, json: unknown, headers = {}) =>
        response
          .writeHead(status, { "content-type": "application/json", ...headers })
          .end(typeof json === "string" ? json : JSON.stringify(json));
      const { apiKey, fails } = options;
      const { authorization } = request.headers;
      if (apiKey !== undefined && authorization !== `Bearer ${apiKey}`)
        return send(401, {
          error: {
            code: 401,
            message: `Invalid API Key ${authorization ?? ""}`,
            type: "authentication_error",
          },
        });
      if (request.url === "/v1/models") return send(200, modelsOf(options));
      if (request.url === "/props")
        return send(200, { chat_template: "{{ enable_thinking }}" });
      if (request.url !== "/v1/chat/completions")
        return send(404, { detail: "Not Found" });
      const text = Buffer.concat(chunks).toString();
      const body = JSON.parse(text) as AskedReply["body"];
      const reply: AskedReply = {
        headers: request.headers,
        body,
        hasLeft: false,
      };
      asked.push(reply);
      response.on("close", () => (reply.hasLeft = !response.writableFinished));
      if (fails) return send(fails.status, fails.body, fails.headers);
      const wrong = options.refused?.find((name) => name in body);
      if (wrong !== undefined)
        return send(400, {
          error: {
            message: `Unrecognized request argument supplied: ${wrong}`,
            type: "invalid_request_error",
          },
        });
      const prompt = body.messages.map(({ content }) => content).join("\n");
      const cached = Math.max(0, ...seen.map((one) => common(one, prompt)));
      seen.push(prompt);
      void stream(response, options, { cached, prompt: prompt.length });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(fake, {
    endpoint: `http://127.0.0.1:${port}/v1`,
    asked,
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  });
}

function modelsOf({
  kind = "llama-server",
  models = ["tiny"],
}: FakeLlmServerOptions) {
  const data = models.map((id) => ({
    id,
    object: "model",
    owned_by: OWNERS[kind],
    ...(kind === "llama-server" && { meta: { n_ctx: 4096, n_params: 135e6 } }),
    ...(kind === "vLLM" && { max_model_len: 32768 }),
  }));
  return { object: "list", data };
}

async function stream(
  response: ServerResponse,
  options: FakeLlmServerOptions,
  tokens: { cached: number; prompt: number },
): Promise<void> {
  const { kind = "llama-server", parts = ["Hel", "lo."] } = options;
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.flushHeaders();
  const say = (json: unknown) =>
    response.write(`data: ${JSON.stringify(json)}\n\n`);
  const delta = (delta: unknown, finish_reason: string | null = null) => ({
    object: "chat.completion.chunk",
    choices: [{ index: 0, delta, finish_reason }],
  });
  const first = delta({
    role: "assistant",
    content: kind === "llama-server" ? null : "",
  });
  if (kind === "llama-server")
    say({
      ...first,
      prompt_progress: {
        total: tokens.prompt,
        cache: tokens.cached,
        processed: tokens.prompt,
        time_ms: 3,
      },
    });
  // vLLM and proxies send comments to keep the connection open.
  response.write(": keep-alive\n\n");
  say(first);
  const thinkingField = kind === "Ollama" ? "reasoning" : "reasoning_content";
  for (const [i, part] of parts.entries()) {
    if (i === options.cutAfter) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return void response.destroy();
    }
    if (i === options.errorAfter) {
      say({
        error: { code: 500, message: "out of memory", type: "server_error" },
      });
      return void response.end();
    }
    const called = /^call (\d) (\S*) (.*)$/s.exec(part);
    if (called) {
      const [, index, name, json] = called;
      const named = name && { id: `call_${index}`, type: "function" };
      const piece = { ...(name && { name }), arguments: json };
      say(
        delta({
          tool_calls: [{ index: Number(index), ...named, function: piece }],
        }),
      );
      continue;
    }
    const thought = /^thinks (.*)$/s.exec(part)?.[1];
    say(
      delta(
        thought === undefined
          ? { content: part }
          : { [thinkingField]: thought },
      ),
    );
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  if (options.hangs) return;
  say(delta({}, options.finishReason ?? "stop"));
  const counts = {
    prompt_tokens: tokens.prompt,
    completion_tokens: parts.length,
  };
  const usage =
    kind === "Ollama"
      ? counts
      : { ...counts, prompt_tokens_details: { cached_tokens: tokens.cached } };
  say({
    choices: [],
    usage,
    ...(kind === "llama-server" && {
      timings: {
        cache_n: tokens.cached,
        prompt_n: tokens.prompt - tokens.cached,
      },
    }),
  });
  response.end("data: [DONE]\n\n");
}

function common(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
