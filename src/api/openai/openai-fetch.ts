/** A `fetch` that answers as a server of OpenAI's API does, in the page: for clients that take a `fetch`. */
import { ApiError, asApiError } from "./api-error";
import type { Completions } from "./completions";
import type { ChatCompletionChunk } from "./types";

export type Fetch = (
  input: string | URL | Request,
  init?: RequestInit,
) => Promise<Response>;

/** `POST …/chat/completions`, `GET …/models` and `GET …/models/<name>`, at any origin. */
export function fetchOver(completions: Completions): Fetch {
  return async (input, init = {}) => {
    const request = input instanceof Request ? input : undefined;
    const signal = init.signal ?? request?.signal;
    signal?.throwIfAborted();
    try {
      const url = input instanceof Request ? input.url : input.toString();
      const { pathname } = new URL(url, "http://localhost");
      const method = (init.method ?? request?.method ?? "GET").toUpperCase();
      const body = () =>
        init.body === undefined || init.body === null
          ? (request?.text() ?? "")
          : new Response(init.body).text();
      return await answer(completions, { pathname, method, body, signal });
    } catch (error) {
      signal?.throwIfAborted();
      return refusal(asApiError(error));
    }
  };
}

interface Asked {
  pathname: string;
  method: string;
  body: () => Promise<string> | string;
  signal: AbortSignal | undefined;
}

async function answer(
  completions: Completions,
  { pathname, method, body, signal }: Asked,
): Promise<Response> {
  if (pathname.endsWith("/chat/completions")) {
    assertMethod(method, "POST", pathname);
    const made = await completions.answer(parsed(await body()), { signal });
    return "object" in made ? Response.json(made) : eventStream(made);
  }
  const [, wanted] = /\/models(?:\/(.+))?$/.exec(pathname) ?? [pathname, null];
  if (wanted === null)
    throw new ApiError(404, `There is no ${pathname} here.`, {
      code: "unknown_url",
    });
  assertMethod(method, "GET", pathname);
  const data = await completions.models();
  if (wanted === undefined) return Response.json({ object: "list", data });
  const name = decodeURIComponent(wanted);
  const model = data.find(({ id }) => id === name);
  if (model) return Response.json(model);
  throw new ApiError(404, `The model ${name} is not loaded.`, {
    param: "model",
    code: "model_not_found",
  });
}

function assertMethod(method: string, wanted: string, pathname: string): void {
  if (method !== wanted)
    throw new ApiError(405, `${pathname} takes ${wanted}, not ${method}.`, {
      code: "method_not_supported",
    });
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new ApiError(400, `The body is not JSON: ${String(error)}`);
  }
}

function refusal({ status, error }: ApiError): Response {
  // Asking again at once would give the same.
  const headers = { "x-should-retry": "false" };
  return Response.json({ error }, { status, headers });
}

/** Chunks as server-sent events. */
function eventStream(
  chunks: AsyncGenerator<ChatCompletionChunk, void>,
): Response {
  const encoder = new TextEncoder();
  const encoded = (data: string) => encoder.encode(`data: ${data}\n\n`);
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await chunks.next();
        controller.enqueue(encoded(done ? "[DONE]" : JSON.stringify(value)));
        if (done) controller.close();
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        controller.enqueue(encoded(JSON.stringify({ error: error.error })));
        controller.close();
      }
    },
    async cancel() {
      await chunks.return();
    },
  });
  const headers = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
  };
  return new Response(stream, { headers });
}
