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
    : "give an access token of yours";

  if (code === "GatedRepo" || (status === 403 && code === "")) {
    return new ModelFetchError(
      `${repository} is open only to those who accepted its licence (status ${status}). Accept it at ${page}, ${token}, then load the model again.`,
    );
  }
  if (code === "EntryNotFound" || (status === 404 && isOfFile(address))) {
    return new ModelFetchError(
      `${address} is not there (status ${status}): the repository may have changed. Load the model again.`,
    );
  }
  // Without an account, the hub also answers 401 for what does not exist.
  if (status === 401 || status === 404) {
    return new ModelFetchError(
      `${where} has no model ${repository} that is open to you (status ${status}). Check the name; where it is private or asks for consent to its licence, accept that at ${page} and ${token}.`,
    );
  }
  if (status === 429) {
    const retryAfterMs = retryAfterOf(headers);
    const when =
      retryAfterMs === undefined
        ? "in a few minutes"
        : `in ${Math.ceil(retryAfterMs / 1000)} seconds`;
    return new TemporaryFetchError(
      `${where} was asked too often from here (status 429). Load the model again ${when}: what was fetched so far is kept.`,
      { retryAfterMs },
    );
  }
  if (status >= 500 || status === 408) {
    return new TemporaryFetchError(
      `${address} answered with status ${status}: the server is overloaded or broken. Load the model again later; what was fetched so far is kept.`,
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
