/** What is loaded with the first reply. */
export { MarkdownElement } from "./markdown-element";
export { ThinkingElement } from "./thinking-element";
