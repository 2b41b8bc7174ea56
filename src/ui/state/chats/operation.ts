/** What the user or the page asked for when something went wrong. */
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
