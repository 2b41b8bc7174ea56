/** Registers `<rondo-chat>` and the elements inside it. */
import { defineElements } from "./base/define-elements";
import { Banner } from "./element/banner";
import { ChatDock } from "./composer/chat-dock";
import { ChatElement } from "./element/chat-element";
import { ChatEntryElement } from "./sidebar/chat-entry";
import { ChatHeader } from "./sidebar/chat-header";
import { ChatList } from "./sidebar/chat-list";
import { Composer } from "./composer/composer";
import { CopyButton } from "./markdown/copy-button";
import { DeleteQuestion } from "./dialogs/delete-question";
import { Examples } from "./transcript/examples";
import { FailureNote } from "./transcript/failure-note";
import { Healing } from "./composer/healing";
import { LoadFailure } from "./composer/load-failure";
import { LoadProgressElement } from "./composer/load-progress";
import { Menu } from "./base/menu";
import { ModelCard } from "./models/model-card";
import { ModelForm } from "./models/model-form";
import { ModelPicker } from "./models/model-picker";
import { ModelPlanElement } from "./models/model-plan";
import { ReplyElement } from "./transcript/reply-element";
import { RestoreProgressElement } from "./composer/restore-progress";
import { RoundActions } from "./transcript/round-actions";
import { RoundElement } from "./transcript/round-element";
import { SearchBox } from "./sidebar/search-box";
import { SidePanel } from "./sidebar/side-panel";
import { Transcript } from "./transcript/transcript";
import { UnavailableNotice } from "./transcript/unavailable-notice";
import { Welcome } from "./transcript/welcome";

export type { ChatElement } from "./element/chat-element";
export type * from "./state/events";

const elements = {
  "rondo-banner": Banner,
  "rondo-chat-entry": ChatEntryElement,
  "rondo-chat-list": ChatList,
  "rondo-composer": Composer,
  "rondo-copy-button": CopyButton,
  "rondo-dock": ChatDock,
  "rondo-delete-question": DeleteQuestion,
  "rondo-examples": Examples,
  "rondo-failure-note": FailureNote,
  "rondo-header": ChatHeader,
  "rondo-healing": Healing,
  "rondo-load-failure": LoadFailure,
  "rondo-load-progress": LoadProgressElement,
  "rondo-menu": Menu,
  "rondo-model-card": ModelCard,
  "rondo-model-form": ModelForm,
  "rondo-model-picker": ModelPicker,
  "rondo-model-plan": ModelPlanElement,
  "rondo-reply": ReplyElement,
  "rondo-restore-progress": RestoreProgressElement,
  "rondo-round-actions": RoundActions,
  "rondo-round": RoundElement,
  "rondo-search-box": SearchBox,
  "rondo-side-panel": SidePanel,
  "rondo-transcript": Transcript,
  "rondo-unavailable": UnavailableNotice,
  "rondo-welcome": Welcome,
  "rondo-chat": ChatElement,
};

defineElements(elements);
