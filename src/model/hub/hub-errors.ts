/** Turns the hub's refusals into errors that say what to do. */
import { ModelFetchError } from "../../util/errors";
import { TemporaryFetchError } from "./retry";

interface HubRequest {
  hubUrl: string;
  repository: string;
  address: string;
  hasToken: boolean;
}

/** The error for an answer that is neither 2xx nor 416. */
export function refusalOf(
  response: Response,
  { hubUrl, repository, address, hasToken }: HubRequest,
): ModelFetchError {
  const { status, headers } = response;
  const code = headers.get("x-error-code") ?? "";
  const where = new URL(hubUrl).host;
  const page = `${hubUrl}/${repository}`;
  const token = hasToken
    ? "check that the access token is valid and may read it"
    : "enter your access token";

  if (code === "GatedRepo" || (status === 403 && code === "")) {
    return new ModelFetchError(
      `${repository} requires you to accept its licence (status ${status}). Accept it at ${page}, ${token}, then load the model again.`,
    );
  }
  if (code === "EntryNotFound" || (status === 404 && isOfFile(address))) {
    return new ModelFetchError(
      `${address} was not found (status ${status}): the repository may have changed. Load the model again.`,
    );
  }
  // Without an account, the hub also answers 401 for what does not exist.
  if (status === 401 || status === 404) {
    return new ModelFetchError(
      `${where} has no model ${repository} that you may read (status ${status}). Check the name; if it is private or gated, accept its licence at ${page} and ${token}.`,
    );
  }
  if (status === 429) {
    const retryAfterMs = retryAfterOf(headers);
    const when =
      retryAfterMs === undefined
        ? "in a few minutes"
        : `in ${Math.ceil(retryAfterMs / 1000)} seconds`;
    return new TemporaryFetchError(
      `${where} received too many requests from you (status 429). Load the model again ${when}: the download will resume.`,
      { retryAfterMs },
    );
  }
  if (status >= 500 || status === 408) {
    return new TemporaryFetchError(
      `${address} answered with status ${status}: the server is overloaded or broken. Load the model again later: the download will resume.`,
      { retryAfterMs: retryAfterOf(headers) },
    );
  }
  return new ModelFetchError(
    `${address} answered with status ${status}${code === "" ? "" : ` (${code})`}. Check the model's name at ${page}, then load it again.`,
  );
}

function isOfFile(address: string): boolean {
  return address.includes("/resolve/");
}

/** Seconds, or a date. */
function retryAfterOf(headers: Headers): number | undefined {
  const value = headers.get("retry-after");
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value.trim())
    ? Number(value) * 1000
    : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
