/** The address of a server's API. */

/**
 * The address below which the API is, without a slash at its end. Takes what users paste: a bare host, or the address
 * of one of its methods.
 *
 * @throws TypeError for what is no http address
 */
export function apiBase(endpoint: string): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new TypeError(
      `${shown(endpoint)} is not the address of a server: it begins with http:// or https://, as http://localhost:8080/v1 does.`,
    );
  // Fetch refuses such addresses, and errors would show the password.
  if (url.username !== "" || url.password !== "")
    throw new TypeError(
      `The address of ${url.host} has a user name or a password in it: give a key instead.`,
    );
  const path = url.pathname
    .replace(/\/+$/, "")
    .replace(/\/(chat\/completions|completions|models)$/, "");
  return `${url.origin}${path === "" ? "/v1" : path}`;
}

/** The server itself: llama-server has methods beside its API. */
export function serverRoot(base: string): string {
  return base.replace(/\/v1$/, "");
}

/** Without what may be a secret. */
function shown(endpoint: string): string {
  return JSON.stringify(endpoint.replace(/[?#].*$/s, "").slice(0, 80));
}
