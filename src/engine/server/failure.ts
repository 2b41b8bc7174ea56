/** Why a server did not answer, as an error that says what to do. What it says itself is a stranger's text, cut short. */
import {
  ContextFullError,
  ServerError,
  type ServerErrorReason,
} from "../../util/errors";

const MOST_CHARACTERS = 300;

export interface Asked {
  /** The address of the API. */
  base: string;
  apiKey: string | undefined;
}

/** What a server says in refusing a request, without the key, in one line. */
export function wordsOf(body: string, { apiKey }: Asked): string {
  const words = foundWords(body) ?? "";
  // Some servers repeat the key that they refuse.
  const safe = apiKey ? words.replaceAll(apiKey, "…") : words;
  const line = safe.replace(/\s+/g, " ").trim();
  return line.length > MOST_CHARACTERS
    ? `${line.slice(0, MOST_CHARACTERS)}…`
    : line;
}

/** Servers put it into `error.message`, `error`, `message` or, as FastAPI does, `detail`; a proxy answers with a page. */
function foundWords(body: string): string | undefined {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return /^\s*</.test(body) ? undefined : body;
  }
  const field = (value: unknown, name: string) =>
    (value as Record<string, unknown> | null | undefined)?.[name];
  const error = field(json, "error");
  const candidates = [
    field(error, "message"),
    error,
    field(json, "message"),
    field(json, "detail"),
  ];
  const found = candidates.find((one) => one !== undefined && one !== null);
  if (found === undefined) return undefined;
  return typeof found === "string" ? found : JSON.stringify(found);
}

/** Whether a server says that the chat is too long for its model. */
function isTooLong(body: string): boolean {
  return /exceed_context_size|context_length_exceeded|maximum context length|exceeds? the available context|longer than the (maximum )?model('s)? (length|context)|context (length|window|size) (of|is|exceeded)/i.test(
    body,
  );
}

/**
 * @param body as text
 * @param retryAfter the header, where it is there
 */
export function failureOf(
  asked: Asked,
  status: number,
  body: string,
  retryAfter: string | null = null,
): Error {
  const said = wordsOf(body, asked);
  const host = hostOf(asked.base);
  const quoted = said === "" ? "" : `: “${said}”`;
  const error = (reason: ServerErrorReason, what: string, advice: string) =>
    new ServerError(
      reason,
      `${host} ${what}${quoted}${ended(quoted)} ${advice}`,
    );
  if (isTooLong(body) && status < 500)
    return new ContextFullError(
      `The chat is longer than the context that ${host} has for it${quoted}${ended(quoted)} Start the server with a larger context, or begin a new chat.`,
    );
  switch (status) {
    case 401:
    case 403:
      return asked.apiKey
        ? error("key", `refused this key (${status})`, "Give it another one.")
        : error("key", `asks for a key (${status})`, "Give it one.");
    case 404:
      return error(
        "refused",
        "does not have that (404)",
        `Check the model's name, and the address: ${asked.base} mostly ends with /v1.`,
      );
    case 429:
      return error(
        "busy",
        "takes no more requests for now (429)",
        `${waitWords(retryAfter)} The message stays in the chat.`,
      );
    case 503:
      return error(
        "busy",
        "is not ready (503)",
        `It may still be loading the model. ${waitWords(retryAfter)}`,
      );
    default:
      return status >= 500
        ? error(
            "failed",
            `failed (${status})`,
            "Its own log says more. Try again.",
          )
        : error(
            "refused",
            `refused the request (${status})`,
            "Change what it names, in the settings or in the chat, and try again.",
          );
  }
}

/** An error within a reply that had begun. */
export function brokenOff(asked: Asked, event: string): string {
  const said = wordsOf(event, asked);
  return `${hostOf(asked.base)} ended the reply${said === "" ? "." : `: “${said}”`}`;
}

/**
 * Why no answer came at all. The platform does not say: so it is asked once more, in a way that every server lets
 * through, and without the key.
 */
export async function unreachable(
  { base }: Asked,
  page: Location | undefined = globalThis.location,
): Promise<ServerError> {
  const failed = (message: string) => new ServerError("unreachable", message);
  const host = hostOf(base);
  const origin = page?.origin ?? "this program";
  if (page?.protocol === "https:" && isPlainRemote(base))
    return failed(
      `${host} can't be asked from here: a page with https may ask no http address except localhost. Give the server https, or open this page from http.`,
    );
  if (await isDenied())
    return failed(
      `The browser does not let ${origin} ask devices of the local network, such as ${host}. Allow “Local network access” in the settings of this site, and try again.`,
    );
  const answers = await fetch(`${base}/models`, {
    mode: "no-cors",
    credentials: "omit",
    cache: "no-store",
  }).then(
    () => true,
    () => false,
  );
  if (answers)
    return failed(
      `${host} runs, but lets no page of ${origin} read its answers (CORS), or dropped the request. ${corsAdvice(base, origin)}`,
    );
  return failed(
    `${host} does not answer. Is the server running, and the address right? Or the Content-Security-Policy of this page does not name it in connect-src.`,
  );
}

function corsAdvice(base: string, origin: string): string {
  const { port } = new URL(base);
  const ollama = `Start Ollama with OLLAMA_ORIGINS=${origin}`;
  if (port === "11434") return `${ollama}.`;
  if (port === "1234")
    return "Turn on “Enable CORS” in LM Studio's server settings.";
  return `${ollama}, turn on “Enable CORS” in LM Studio, start llama-server with --cors-origins ${origin} and vLLM with --allowed-origins '["${origin}"]'.`;
}

/** Whether the user has forbidden this site to ask devices nearby. Only browsers that ask about it know. */
async function isDenied(): Promise<boolean> {
  for (const name of ["local-network-access", "loopback-network"]) {
    try {
      const { state } = await navigator.permissions.query({
        name: name as PermissionName,
      });
      if (state === "denied") return true;
    } catch {
      // No such permission here.
    }
  }
  return false;
}

/** Whether a page with https can't ask it at all. */
function isPlainRemote(base: string): boolean {
  const { protocol, hostname } = new URL(base);
  return protocol === "http:" && !/^(localhost|127\.|\[::1\])/.test(hostname);
}

function hostOf(base: string): string {
  return new URL(base).host;
}

function waitWords(retryAfter: string | null): string {
  const seconds = Number(retryAfter);
  return retryAfter && seconds > 0
    ? `Try again in ${Math.ceil(seconds)} seconds.`
    : "Try again in a while.";
}

/** A full stop, where none is there. */
function ended(quoted: string): string {
  return /[.!?…]”$/.test(quoted) ? "" : ".";
}
