/** Registers `<rondo-chat>` and the elements inside it. */
import { AttachProgress } from "./attach-progress";
import { AttentionStrip } from "./attention-strip";
import { Banner } from "./banner";
import { ChatDock } from "./chat-dock";
import { ChatElement } from "./chat-element";
import { ChatEntryElement } from "./chat-entry";
import { ChatHeader } from "./chat-header";
import { ChatList } from "./chat-list";
import { Composer } from "./composer";
import { CopyButton } from "./copy-button";
import { DeleteQuestion } from "./delete-question";
import { DocumentCard } from "./document-card";
import { Examples } from "./examples";
import { FailureNote } from "./failure-note";
import { Healing } from "./healing";
import { Instructions } from "./instructions";
import { LoadFailure } from "./load-failure";
import { LoadProgressElement } from "./load-progress";
import { Menu } from "./menu";
import { MessageEditor } from "./message-editor";
import { ModelCard } from "./model-card";
import { ModelForm } from "./model-form";
import { ModelPicker } from "./model-picker";
import { ModelPlanElement } from "./model-plan";
import { ReplyElement } from "./reply-element";
import { RestoreProgressElement } from "./restore-progress";
import { RoundActions } from "./round-actions";
import { RoundElement } from "./round-element";
import { SearchBox } from "./search-box";
import { SettingField } from "./setting-field";
import { SettingsDialog } from "./settings-dialog";
import { SidePanel } from "./side-panel";
import { Transcript } from "./transcript";
import { UnavailableNotice } from "./unavailable-notice";
import { Welcome } from "./welcome";

export type { ChatElement } from "./chat-element";
export type * from "./events";
export type { ChatState } from "./model-loading";
export type { Operation } from "./operation";

const elements = {
  "rondo-attach-progress": AttachProgress,
  "rondo-attention": AttentionStrip,
  "rondo-banner": Banner,
  "rondo-chat-entry": ChatEntryElement,
  "rondo-chat-list": ChatList,
  "rondo-composer": Composer,
  "rondo-copy-button": CopyButton,
  "rondo-delete-question": DeleteQuestion,
  "rondo-dock": ChatDock,
  "rondo-document": DocumentCard,
  "rondo-examples": Examples,
  "rondo-failure-note": FailureNote,
  "rondo-header": ChatHeader,
  "rondo-healing": Healing,
  "rondo-instructions": Instructions,
  "rondo-load-failure": LoadFailure,
  "rondo-load-progress": LoadProgressElement,
  "rondo-menu": Menu,
  "rondo-message-editor": MessageEditor,
  "rondo-model-card": ModelCard,
  "rondo-model-form": ModelForm,
  "rondo-model-picker": ModelPicker,
  "rondo-model-plan": ModelPlanElement,
  "rondo-reply": ReplyElement,
  "rondo-restore-progress": RestoreProgressElement,
  "rondo-round-actions": RoundActions,
  "rondo-round": RoundElement,
  "rondo-search-box": SearchBox,
  "rondo-setting": SettingField,
  "rondo-settings": SettingsDialog,
  "rondo-side-panel": SidePanel,
  "rondo-transcript": Transcript,
  "rondo-unavailable": UnavailableNotice,
  "rondo-welcome": Welcome,
  "rondo-chat": ChatElement,
};

for (const [name, element] of Object.entries(elements))
  if (customElements.get(name) === undefined)
    customElements.define(name, element);
