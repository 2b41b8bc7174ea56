/** Registers a document's card, and what a round shows when it is worked with. Fetched with the first round. */
import { defineElements } from "../base/define-elements";
import { AttentionStrip } from "./attention-strip";
import { DocumentCard } from "./document-card";
import { MessageEditor } from "./message-editor";

const elements = {
  "rondo-attention": AttentionStrip,
  "rondo-document": DocumentCard,
  "rondo-message-editor": MessageEditor,
};

defineElements(elements);
