/** The operation that failed. */
export type Operation =
  | "load"
  | "send"
  | "reply"
  | "list"
  | "open"
  | "rename"
  | "delete"
  | "export"
  | "import"
  | "change"
  | "attach";
