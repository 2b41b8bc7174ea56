/**
 * Starts workers of a library that a page loads from another origin, such as a CDN. Browsers refuse a worker
 * script from another origin, but a worker of the page's own may import it. A Content-Security-Policy must allow
 * `blob:` and the other origin in `worker-src` for that, and the other origin in `script-src`.
 */

/**
 * Whether a module's address is at another origin. A bundler may replace the address by a file: URL, which is
 * not.
 */
export function isCrossOrigin(moduleUrl: string): boolean {
  const { protocol, origin } = new URL(moduleUrl);
  return /^https?:$/.test(protocol) && origin !== globalThis.location?.origin;
}

export function crossOriginWorker(address: string, name: string): Worker {
  const script = new Blob([`import ${JSON.stringify(address)};`], {
    type: "text/javascript",
  });
  const scriptUrl = URL.createObjectURL(script);
  const worker = new Worker(scriptUrl, { type: "module", name });
  // The blob URL has been read once the worker sends a message or an error.
  const forget = () => URL.revokeObjectURL(scriptUrl);
  worker.addEventListener("message", forget, { once: true });
  worker.addEventListener("error", forget, { once: true });
  return worker;
}
