/**
 * For pages whose Content-Security-Policy has `require-trusted-types-for 'script'`: what such a page takes no plain
 * string for goes through one policy, `rondo`. Nothing else can reach it.
 */

/** What the browser takes in place of a string. */
type Trusted = string & { readonly isTrusted?: true };

export interface TrustedPolicy {
  createHTML(html: string): Trusted;
  createScriptURL(url: string): Trusted;
}

interface PolicyFactory {
  createPolicy(name: string, rules: TrustedPolicy): TrustedPolicy;
}

const plain: TrustedPolicy = {
  createHTML: (html) => html,
  createScriptURL: (url) => url,
};

let policy: TrustedPolicy | undefined;

/** The policy, made when it is first needed; without one in the browser, or where the page forbids it, strings stay strings. */
export function trustedPolicy(): TrustedPolicy {
  const { trustedTypes } = globalThis as { trustedTypes?: PolicyFactory };
  try {
    policy ??= trustedTypes?.createPolicy("rondo", plain);
  } catch {
    // The page allows other names only, or has a second copy of Rondo.
  }
  return (policy ??= plain);
}

/**
 * The worker that `make` makes with `new Worker(new URL(…, import.meta.url))`, with a trusted address. Bundlers look
 * for this form and put another address into it, so it is the constructor that is another meanwhile.
 */
export function trustedWorker(make: () => Worker): Worker {
  if (trustedPolicy() === plain) return make();
  const { Worker: Untrusted } = globalThis;
  globalThis.Worker = new Proxy(Untrusted, {
    construct: (target, [url, options]: [string | URL, WorkerOptions?]) =>
      new target(trustedPolicy().createScriptURL(String(url)), options),
  });
  try {
    return make();
  } finally {
    globalThis.Worker = Untrusted;
  }
}
