/** Carries out what the parts of the page ask for: in the session, then with the focus and the panel. */
import type { Conversation } from "./conversation";
import { chatFileName, download } from "./download";
import type { ChatRequest } from "./request";
import type { Session } from "./session";

export interface Stage {
  session: Session;
  /** Loads the model, again or for the first time. */
  load(): void;
  focusBox(): void;
  /** Closes the panel, if it lies over the chat, and goes on in the box. */
  leavePanel(): void;
  togglePanel(): void;
  /** Whether the panel lies over the chat when it is open. */
  isPanelOver: boolean;
}

/** What is asked for with a chat of the list. */
type ListRequest = Extract<ChatRequest, { conversationId: number }>;

export function carryOut(request: ChatRequest, stage: Stage): void {
  const { session } = stage;
  switch (request.type) {
    case "draft":
      return session.write(request.text);
    case "send":
      return session.send(request.text);
    case "suggest":
      session.suggest(request.text);
      return stage.focusBox();
    case "stop":
      return session.stop();
    case "retry":
    case "edit":
    case "move":
      session[request.type](request.roundId);
      return stage.focusBox();
    case "new-chat":
      session.library.newChat();
      return stage.leavePanel();
    case "import-chat":
      void session.library.import(request.file).then((isDone) => {
        if (isDone) stage.leavePanel();
      });
      return;
    case "select-chat":
    case "rename-chat":
    case "export-chat":
    case "delete-chat": {
      const chosen = session.library.find(request.conversationId);
      if (chosen !== undefined) carryOutFor(chosen, request, stage);
      return;
    }
    case "reopen":
      return session.reopen();
    case "dismiss":
      return session.dismiss(request.key);
    case "load":
      stage.load();
      return stage.focusBox();
    case "close-panel":
      return stage.togglePanel();
    default:
      request satisfies never;
  }
}

function carryOutFor(
  chosen: Conversation,
  request: ListRequest,
  stage: Stage,
): void {
  const { library } = stage.session;
  switch (request.type) {
    case "select-chat":
      library.select(chosen);
      return stage.leavePanel();
    case "rename-chat":
      void library.rename(chosen, request.title);
      return;
    case "export-chat":
      void library.export(chosen).then((file) => {
        if (file) download(file, chatFileName(chosen.title));
      });
      return;
    case "delete-chat":
      void library.remove(chosen);
      if (!stage.isPanelOver) stage.focusBox();
      return;
    default:
      request satisfies never;
  }
}
