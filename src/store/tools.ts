/** Functions of the page that a model may call: what it is told of them, its calls, and what these gave. */
export interface ToolDefinition {
  /** Letters, digits, `_` and `-`, at most 64. */
  readonly name: string;
  readonly description?: string | undefined;
  /** A JSON schema of the arguments, which are an object. Default: there are none. */
  readonly parameters?: object | undefined;
}

export interface ToolCall {
  /** Unique in its chat. */
  readonly id: string;
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** What a call gave. */
export interface ToolResult {
  readonly callId: string;
  /** Of the tool. */
  readonly name: string;
  readonly content: string;
}
