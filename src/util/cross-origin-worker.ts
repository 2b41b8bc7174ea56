/**
 * Starts workers of a library that a page loads from another origin, such as a CDN. Browsers refuse a worker
 * script from another origin, but a worker of the page's own may import it. A Content-Security-Policy must allow
 * `blob:` and the other origin in `worker-src` for that, and the other origin in `script-src`; `data:` in place of
 * `blob:` in a sandboxed frame without an origin. The other origin has to allow it (`Access-Control-Allow-Origin`).
 */
import { trustedPolicy } from "./trusted-types";

/**
 * Whether a module's address is at another origin; to a sandboxed frame without an origin, all are. A bundler may
 * replace the address by a file: URL, which is not.
 */
export function isCrossOrigin(moduleUrl: string): boolean {
  const { protocol, origin } = new URL(moduleUrl);
  return /^https?:$/.test(protocol) && origin !== globalThis.origin;
}

export function crossOriginWorker(address: string, name: string): Worker {
  const source = `import ${JSON.stringify(address)};`;
  // A frame without an origin may not read its own blobs as modules: measured in Chromium 143.
  if (globalThis.origin === "null")
    return moduleWorker(
      `data:text/javascript,${encodeURIComponent(source)}`,
      name,
    );
  const script = new Blob([source], { type: "text/javascript" });
  const scriptUrl = URL.createObjectURL(script);
  const worker = moduleWorker(scriptUrl, name);
  // The blob URL has been read once the worker sends a message or an error.
  const forget = () => URL.revokeObjectURL(scriptUrl);
  worker.addEventListener("message", forget, { once: true });
  worker.addEventListener("error", forget, { once: true });
  return worker;
}

function moduleWorker(url: string, name: string): Worker {
  const trustedUrl = trustedPolicy().createScriptURL(url);
  return new Worker(trustedUrl, { type: "module", name });
}
