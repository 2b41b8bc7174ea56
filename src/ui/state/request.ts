import type { FileAction } from "./models/file-keeping";
import type { ModelRequest } from "./models/model-request";
import type { VersionWay } from "./chats/round-place";
import type { Settings } from "./settings/settings";

/** Requests of the inner elements to `<rondo-chat>`; the event stays inside it. */

export type ChatRequest =
  | { type: "draft"; text: string }
  | { type: "send"; text: string }
  | { type: "suggest"; text: string }
  | { type: "stop" }
  | { type: "retry"; roundId: number }
  | { type: "put-back"; roundId: number }
  | { type: "move"; roundId: number }
  | { type: "regenerate"; roundId: number }
  | { type: "show-version"; roundId: number; step: number }
  | { type: "open-editor"; roundId: number }
  | { type: "draft-version"; roundId: number; text: string }
  | { type: "close-editor"; roundId: number }
  | {
      type: "send-version";
      roundId: number;
      text: string;
      way: VersionWay;
    }
  | { type: "delete-round"; roundId: number; isFast: boolean }
  | { type: "move-round"; roundId: number; direction: "up" | "down" }
  | { type: "attach"; files: readonly File[] }
  | { type: "stop-attaching" }
  | { type: "show-instructions" }
  | { type: "instruct"; text: string }
  | { type: "show-settings" }
  | { type: "choose-settings"; changes: Settings }
  | { type: "reset-settings" }
  | { type: "heal"; isOn: boolean }
  | { type: "think"; isOn: boolean }
  | { type: "new-chat" }
  | { type: "search-chats"; query: string }
  | { type: "select-chat"; conversationId: number }
  | { type: "rename-chat"; conversationId: number; title: string }
  | { type: "copy-chat"; conversationId: number }
  | {
      type: "export-chat";
      conversationId: number;
      format: "rondo" | "markdown";
    }
  | { type: "delete-chat"; conversationId: number }
  | { type: "import-chat"; file: File }
  | { type: "reopen" }
  | { type: "dismiss"; key: string }
  | { type: "load" }
  /** Of the server that `endpoint` names. */
  | { type: "use-key"; key: string }
  | { type: "show-models" }
  | { type: "plan-model"; model: ModelRequest }
  | { type: "close-plan" }
  | { type: "use-model"; model: ModelRequest }
  | { type: "delete-model"; id: string }
  | { type: "keep-file"; action: FileAction }
  | { type: "pause-load" }
  | { type: "resume-load" }
  | { type: "give-up-load" }
  | { type: "toggle-panel" };

export class RequestEvent extends Event {
  static readonly type = "rondo-request";
  readonly request: ChatRequest;

  constructor(request: ChatRequest) {
    super(RequestEvent.type, { bubbles: true, composed: true });
    this.request = request;
  }
}

declare global {
  interface HTMLElementEventMap {
    "rondo-request": RequestEvent;
  }
}
