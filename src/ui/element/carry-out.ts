/** Carries out requests from the elements: first in the session, then for focus and panel. */
import type { Conversation } from "../state/chats/conversation";
import { chatFileName, download } from "../base/download";
import type { ChatRequest } from "../state/request";
import type { RoundPart } from "../transcript/round-element";
import type { Session } from "../state/page-state";

export interface Stage {
  session: Session;
  /** Loads the model, again or for the first time. */
  load(): void;
  focusBox(): void;
  /** Moves the focus to a part of a round. */
  focusRound(roundId: number, part: RoundPart): void;
  /** Moves the focus on after its element was removed. */
  goOn(): void;
  /** Opens the dialog with the chat's instructions, or with text that could not be saved. */
  showInstructions(text: string, failure?: string): void;
  /** Opens the dialog with the settings. */
  showSettings(): void;
  /** Opens the model picker. */
  showModels(): void;
  closeModels(): void;
  /** Announces `text` to screen readers. */
  announce(text: string): void;
  /** Closes the panel if it covers the chat, and focuses the chat. */
  leavePanel(): void;
  togglePanel(): void;
  /** Whether an open panel covers the chat. */
  isPanelOver: boolean;
}

/** Requests about a chat of the list. */
type ListRequest = Extract<ChatRequest, { conversationId: number }>;

/** Requests of a round's editor. */
type EditRequest = Extract<
  ChatRequest,
  {
    type: "open-editor" | "draft-version" | "close-editor" | "send-version";
  }
>;

/** Requests that change the shown chat. */
type ChangeRequest = Extract<
  ChatRequest,
  { type: "show-version" | "delete-round" | "move-round" }
>;

/** Requests about models. */
type ModelRequest = Extract<
  ChatRequest,
  {
    type:
      | "show-models"
      | "plan-model"
      | "close-plan"
      | "use-model"
      | "delete-model"
      | "keep-file"
      | "pause-load"
      | "resume-load"
      | "give-up-load";
  }
>;

export function carryOut(
  request: Exclude<ChatRequest, { type: "use-key" }>,
  stage: Stage,
): void {
  const { session } = stage;
  const { current, turns } = session;
  switch (request.type) {
    case "draft":
      return session.write(request.text);
    case "send":
      if (current.running?.isStopping === true) turns.sendNext(current);
      else turns.send(current, request.text)?.catch(() => undefined);
      return;
    case "suggest":
      turns.suggest(current, request.text);
      return stage.focusBox();
    case "stop":
      return turns.stop(current);
    case "retry":
      turns.retry(current, request.roundId);
      return stage.focusBox();
    case "put-back":
      if (turns.putBack(current, request.roundId) === "box")
        return stage.focusBox();
      return stage.focusRound(request.roundId, "editor");
    case "move":
      session.move(request.roundId);
      return stage.focusBox();
    case "regenerate":
      turns.regenerate(current, request.roundId);
      return stage.goOn();
    case "open-editor":
    case "draft-version":
    case "close-editor":
    case "send-version":
      return edit(request, stage);
    case "show-version":
    case "delete-round":
    case "move-round":
      return void change(request, stage);
    case "show-instructions":
      return stage.showInstructions(current.system ?? "");
    case "instruct":
      return void instruct(request.text, stage);
    case "show-settings":
      return stage.showSettings();
    case "choose-settings":
      return session.choose(request.changes);
    case "reset-settings":
      session.resetSettings();
      return stage.announce("Settings reset.");
    case "attach":
      return session.attachments.add(current, request.files);
    case "stop-attaching":
      current.attachments[0]?.stop();
      return stage.focusBox();
    case "heal":
      return void session.setHealing(request.isOn);
    case "think":
      turns.thinks = request.isOn;
      return;
    case "new-chat":
      session.library.newChat();
      return stage.leavePanel();
    case "search-chats":
      return session.search.ask(request.query);
    case "import-chat":
      void session.library.import(request.file).then((isDone) => {
        if (isDone) stage.leavePanel();
      });
      return;
    case "select-chat":
    case "rename-chat":
    case "copy-chat":
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
    case "show-models":
    case "plan-model":
    case "close-plan":
    case "use-model":
    case "delete-model":
    case "keep-file":
    case "pause-load":
    case "resume-load":
    case "give-up-load":
      return carryOutModel(request, stage);
    case "toggle-panel":
      return stage.togglePanel();
    default:
      request satisfies never;
  }
}

function edit(request: EditRequest, stage: Stage): void {
  const { session } = stage;
  const { current, turns } = session;
  const { roundId } = request;
  switch (request.type) {
    case "open-editor":
      session.edit(roundId, current.find(roundId)?.message);
      return stage.focusRound(roundId, "editor");
    case "draft-version":
      return session.edit(roundId, request.text);
    case "close-editor":
      session.edit(roundId, undefined);
      return stage.focusRound(roundId, "edit");
    case "send-version":
      turns.sendVersion(current, roundId, request.text, request.way);
      return stage.goOn();
    default:
      request satisfies never;
  }
}

async function change(request: ChangeRequest, stage: Stage): Promise<void> {
  const { changes, current } = stage.session;
  const { roundId } = request;
  switch (request.type) {
    case "show-version": {
      const { step } = request;
      if (!(await changes.showVersion(current, roundId, step))) return;
      const { keptId = 0, versions = [] } = current.find(roundId) ?? {};
      const at = versions.indexOf(keptId) + 1;
      stage.announce(`Version ${at} of ${versions.length}.`);
      return;
    }
    case "delete-round": {
      const { document } = current.find(roundId) ?? {};
      const hasDone = document === undefined ? "Deleted." : "Detached.";
      if (!(await changes.delete(current, roundId, request.isFast))) return;
      stage.goOn();
      stage.announce(hasDone);
      return;
    }
    case "move-round": {
      const { direction } = request;
      if (!(await changes.move(current, roundId, direction))) return;
      stage.focusRound(roundId, "options");
      stage.announce(`Moved ${direction}.`);
      return;
    }
    default:
      request satisfies never;
  }
}

async function instruct(text: string, stage: Stage): Promise<void> {
  const { changes, current } = stage.session;
  if (await changes.instruct(current, text)) stage.announce("Saved.");
  else stage.showInstructions(text, "Could not be saved.");
}

function carryOutModel(request: ModelRequest, stage: Stage): void {
  const { session } = stage;
  const { loading, models } = session;
  switch (request.type) {
    case "show-models":
      void models.refresh();
      return stage.showModels();
    case "plan-model":
      return void models.look(request.model);
    case "close-plan":
      return models.endLookup();
    case "use-model":
      stage.closeModels();
      session.use(request.model);
      return stage.leavePanel();
    case "delete-model":
      void models.delete(request.id).then((isDone) => {
        if (isDone) stage.announce("Deleted.");
      });
      return;
    case "keep-file":
      session.keeping?.take(request.action);
      return stage.focusBox();
    case "pause-load":
      loading.pause();
      return stage.announce("Paused.");
    case "resume-load":
      session.loadAgain();
      return;
    case "give-up-load":
      if (session.giveUpLoading()) return stage.focusBox();
      void models.refresh();
      return stage.showModels();
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
    case "copy-chat":
      void library.copy(chosen).then((isDone) => {
        if (isDone) stage.announce("Chat copied.");
      });
      return;
    case "export-chat": {
      const { format } = request;
      void library.export(chosen, format).then((file) => {
        if (file) download(file, chatFileName(chosen.title, format));
      });
      return;
    }
    case "delete-chat":
      void library.remove(chosen);
      if (!stage.isPanelOver) stage.focusBox();
      return;
    default:
      request satisfies never;
  }
}
