/** Registers `<rondo-memory>` and the elements inside it. */
import { defineElements } from "../base/define-elements";
import { CopyButton } from "../markdown/copy-button";
import { DeleteQuestion } from "../dialogs/delete-question";
import { BufferTable } from "./sections/buffer-table";
import { DeviceSection } from "./sections/device-section";
import { GpuUse } from "./sections/gpu-use";
import { HeatMap } from "./plots/heat-map";
import { LastTurn } from "./sections/last-turn";
import { MemoryElement } from "./memory-element";
import { RoundDetails } from "./map/round-details";
import { RoundMap } from "./map/round-map";
import { StorageSection } from "./sections/storage-section";
import { Tiers } from "./sections/tiers";
import { Timeline } from "./plots/timeline";
import { TurnPlotElement } from "./plots/turn-plot";

const elements = {
  "rondo-buffer-table": BufferTable,
  "rondo-copy-button": CopyButton,
  "rondo-delete-question": DeleteQuestion,
  "rondo-heat-map": HeatMap,
  "rondo-last-turn": LastTurn,
  "rondo-memory-device": DeviceSection,
  "rondo-memory-storage": StorageSection,
  "rondo-memory-tiers": Tiers,
  "rondo-memory-timeline": Timeline,
  "rondo-memory-use": GpuUse,
  "rondo-round-details": RoundDetails,
  "rondo-round-map": RoundMap,
  "rondo-turn-plot": TurnPlotElement,
  "rondo-memory": MemoryElement,
};

defineElements(elements);
