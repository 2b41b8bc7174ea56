/** Templates of the parts of `<rondo-chat>`. */
import { html, nothing } from "lit";
import { live } from "lit/directives/live.js";
import { entryOf } from "../sidebar/chat-entry";
import { unsaidExamples } from "../transcript/examples";
import { mark } from "../base/icons";
import { noRounds } from "./no-rounds";
import type { Conversation } from "../state/chats/conversation";
import type { Session } from "../state/page-state";

export interface ChatView {
  session: Session;
  /** Where the list of chats is. */
  drawer: { isOpen: boolean; isNarrow: boolean };
  examples: readonly string[];
  placeholder: string;
  /** Whether the user can't choose another model. */
  isFixed: boolean;
  /** Whether the chat can only be read. */
  isReadonly: boolean;
  /** Whether the chat can be changed here. */
  mayWrite: boolean;
  /** Whether files are held over the page. */
  isDropping: boolean;
}

export function chatPanel({ session, drawer, isFixed }: ChatView) {
  const { library, loading, search, warnings } = session;
  const { begun, current } = library;
  return html`
    <rondo-side-panel
      part="panel"
      exportparts="chat"
      id="panel"
      ?inert=${!drawer.isOpen}
      ?drawer=${drawer.isNarrow}
      .chats=${search
        .among(begun)
        .map((chat) => entryOf(chat, current, search.excerptOf(chat)))}
      .search=${search.state(begun.length)}
      .model=${loading.model}
      .keeping=${warnings.isKeeping}
      .mayChooseModel=${!isFixed}
    >
      <slot name="brand" slot="brand">
        <span class="brand">${mark}Rondo</span>
      </slot>
      <slot name="footer" slot="footer"></slot>
    </rondo-side-panel>
  `;
}

export function settingsDialog({ session, mayWrite }: ChatView) {
  const { loading, settings } = session;
  return html`
    <rondo-settings
      .chosen=${settings.chosen}
      .defaults=${settings.defaults}
      .needsLoad=${loading.hasNewBudget}
      .mayInstruct=${mayWrite}
    ></rondo-settings>
  `;
}

export function modelPicker({ session, isDropping }: ChatView) {
  const { loading, models, own } = session;
  return html`
    <rondo-model-picker
      .own=${own}
      .kept=${models.kept}
      .inUse=${loading.request}
      .isLoading=${loading.state !== "ready"}
      .note=${loading.model?.templateNote}
      .lookup=${models.lookup}
      .error=${models.error}
      .hubUrl=${loading.hubUrl}
      .isDropping=${isDropping}
    ></rondo-model-picker>
  `;
}

export function chatHeader({ session, drawer, mayWrite }: ChatView) {
  const { isNew, system, title } = session.current;
  const { isNarrow, isOpen } = drawer;
  return html`
    <rondo-header
      part="header"
      .chatTitle=${isNew ? "" : title}
      ?narrow=${isNarrow}
      .isPanelOpen=${isOpen}
      .mayWrite=${mayWrite}
      .hasInstructions=${system !== undefined}
      ><slot name="tools" slot="tools"></slot
    ></rondo-header>
  `;
}

export function chatBody(view: ChatView) {
  const { session, examples, isFixed, isReadonly, mayWrite } = view;
  const { current } = session;
  return html`
    <rondo-transcript
      exportparts="log, message, document, reply, text, receipt"
      .rounds=${current.rounds}
      .conversationId=${current.id}
      .waitingFor=${waitingFor(session)}
      .mayWrite=${mayWrite}
      .isBusy=${current.isBusy}
    >
      ${isReadonly ? nothing : noRounds(session, examples, !isFixed)}
    </rondo-transcript>
  `;
}

/** Whether the last reply is from this model. */
function isWith({ rounds }: Conversation, name: string | undefined): boolean {
  const last = rounds.findLast(({ modelName }) => modelName !== undefined);
  return name !== undefined && last?.modelName === name;
}

function waitingFor({ loading, visit }: Session): string {
  if (loading.model === undefined) return "the model";
  const isRestoring = visit.progress !== undefined;
  return isRestoring ? "the chat to load" : "the reply in another chat";
}

export function chatDock(view: ChatView) {
  const { session, examples, placeholder, isFixed, isReadonly } = view;
  const { current, isHealing, loading, state, turns, visit } = session;
  const isShownAbove = state === "unavailable" && current.isEmpty;
  if (isReadonly || (isShownAbove && current.draft === "")) return nothing;
  return html`
    <rondo-dock
      exportparts="example, box, input"
      .state=${state}
      .progress=${loading.progress}
      .mayGiveUp=${loading.hasBefore}
      .error=${isShownAbove ? undefined : loading.error}
      .wantedFile=${loading.wantedFile}
      .isOfChat=${isWith(current, loading.wantedFile)}
      .own=${session.own}
      .file=${session.keeping?.shown}
      .restoring=${visit.progress}
      .attachment=${current.attachments[0]}
      .waitingDocuments=${current.attachments.length - 1}
      .healingRounds=${current.healingRounds}
      .calibration=${session.calibration}
      .isHealing=${isHealing}
      .access=${current.access}
      .draft=${live(current.draft)}
      .replying=${current.running !== undefined}
      .stopping=${current.running?.isStopping === true}
      .waiting=${!current.maySend}
      .thinks=${loading.model?.canThink ? turns.thinks : undefined}
      .placeholder=${placeholder}
      .mayChooseModel=${!isFixed}
      .examples=${loading.model ? unsaidExamples(examples, current.rounds) : []}
    ></rondo-dock>
  `;
}
