/** Registers the elements about a model's files. Loaded when there are any. */
import { KeptFile } from "./kept-file";
import { WantedFile } from "./wanted-file";

const elements = {
  "rondo-kept-file": KeptFile,
  "rondo-wanted-file": WantedFile,
};

for (const [name, element] of Object.entries(elements))
  if (customElements.get(name) === undefined)
    customElements.define(name, element);
