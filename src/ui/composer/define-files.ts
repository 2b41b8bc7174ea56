/** Registers the elements about files of a model and files that are attached. Loaded when there are any. */
import { defineElements } from "../base/define-elements";
import { AttachProgress } from "./attach-progress";
import { KeptFile } from "./kept-file";
import { WantedFile } from "./wanted-file";

const elements = {
  "rondo-attach-progress": AttachProgress,
  "rondo-kept-file": KeptFile,
  "rondo-wanted-file": WantedFile,
};

defineElements(elements);
