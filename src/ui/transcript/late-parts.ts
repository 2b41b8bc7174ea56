/** Registers what a round shows when it is worked with. Fetched with the first round, which is drawn without it. */
import { AttentionStrip } from "./attention-strip";
import { MessageEditor } from "./message-editor";

const elements = {
  "rondo-attention": AttentionStrip,
  "rondo-message-editor": MessageEditor,
};

for (const [name, element] of Object.entries(elements))
  if (customElements.get(name) === undefined)
    customElements.define(name, element);
