/** Loads an element's model: the user's choice, or else the one that the element names. */
import type { ChatEngine } from "../../engine/api/chat-engine";
import type { ModelSource } from "../../engine/api/models";
import { idOfSource } from "../state/models/model-request";
import { endsPages } from "../state/models/remembered-model";
import type { Session } from "../state/page-state";

export interface Naming {
  /** The one that the element names; undefined where it names none. */
  source: ModelSource | undefined;
  /** Whether it has just named another. */
  isRenamed: boolean;
  /** Whether the user may choose another. */
  isFixed: boolean;
  /** Whether the element was removed from the page, and is back. */
  isBack: boolean;
}

/** The user's choice wins until the page names another model. */
export function loadNamed(
  session: Session,
  engine: ChatEngine,
  { source, isRenamed, isFixed, isBack }: Naming,
): void {
  const { loading } = session;
  if (isRenamed) session.name(source && idOfSource(source));
  const own = source === undefined ? undefined : { source, options: {} };
  const isFirst = loading.request === undefined;
  const remembered = isFixed ? undefined : session.remembered;
  const chosen = isFirst ? remembered : loading.request;
  const request = isRenamed && !isFirst ? own : (chosen ?? own);
  if (request && isFirst && request === chosen && endsPages()) {
    session.connect(engine);
    loading.hold(request);
  } else if (request) void session.load(engine, request, isBack);
  else session.connect(engine);
}
