/** Registers `<rondo-chat>` and the elements inside it. */
import { Banner } from "./banner";
import { ChatDock } from "./chat-dock";
import { ChatElement } from "./chat-element";
import { ChatEntryElement } from "./chat-entry";
import { ChatList } from "./chat-list";
import { Composer } from "./composer";
import { CopyButton } from "./copy-button";
import { Examples } from "./examples";
import { LoadFailure } from "./load-failure";
import { LoadProgressElement } from "./load-progress";
import { MarkdownElement } from "./markdown-element";
import { Menu } from "./menu";
import { RestoreProgressElement } from "./restore-progress";
import { RoundElement } from "./round-element";
import { SidePanel } from "./side-panel";
import { Transcript } from "./transcript";
import { UnavailableNotice } from "./unavailable-notice";
import { Welcome } from "./welcome";

const elements = {
  "rondo-banner": Banner,
  "rondo-chat-entry": ChatEntryElement,
  "rondo-chat-list": ChatList,
  "rondo-composer": Composer,
  "rondo-copy-button": CopyButton,
  "rondo-dock": ChatDock,
  "rondo-examples": Examples,
  "rondo-load-failure": LoadFailure,
  "rondo-load-progress": LoadProgressElement,
  "rondo-markdown": MarkdownElement,
  "rondo-menu": Menu,
  "rondo-restore-progress": RestoreProgressElement,
  "rondo-round": RoundElement,
  "rondo-side-panel": SidePanel,
  "rondo-transcript": Transcript,
  "rondo-unavailable": UnavailableNotice,
  "rondo-welcome": Welcome,
  "rondo-chat": ChatElement,
};

for (const [name, element] of Object.entries(elements))
  if (customElements.get(name) === undefined)
    customElements.define(name, element);
