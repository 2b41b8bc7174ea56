/** A model behind an OpenAI-compatible server: llama-server, vLLM, Ollama, LM Studio and others. */

export interface ServerSource {
  /** The address of its API, as "http://localhost:8080/v1". Without a path, `/v1` is added. */
  endpoint: string;
  /** As the server names it. Default: the first one that it lists. */
  model?: string | undefined;
  /** Sent to this server alone, with each request. The engine keeps it in memory until another model is loaded. */
  apiKey?: string | undefined;
  /**
   * Put in front of each message, for a server that reuses the KV of texts between such marks in any order: LMCache in
   * blend mode. Never shown or stored. Default: none.
   */
  blendSeparator?: string | undefined;
}

const NAMES: Record<keyof ServerSource, 1> = {
  endpoint: 1,
  model: 1,
  apiKey: 1,
  blendSeparator: 1,
};

/** Whether it names a server, and nothing that is unknown. */
export function isServerSource(source: unknown): source is ServerSource {
  if (Object(source) !== source || Array.isArray(source)) return false;
  const fields = Object.entries(source as object).filter(
    ([, value]) => value !== undefined,
  );
  const { endpoint } = source as Partial<ServerSource>;
  return (
    typeof endpoint === "string" &&
    endpoint !== "" &&
    fields.every(
      ([name, value]) =>
        Object.hasOwn(NAMES, name) && typeof value === "string",
    )
  );
}
