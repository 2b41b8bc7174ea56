/** Registers `<rondo-devtools-panel>` and the elements inside it. */
import "../ui/memory/define-memory";
import { PanelElement } from "./panel-element";

if (customElements.get("rondo-devtools-panel") === undefined)
  customElements.define("rondo-devtools-panel", PanelElement);
