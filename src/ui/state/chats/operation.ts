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
  | "copy"
  | "import"
  | "change"
  | "attach";
