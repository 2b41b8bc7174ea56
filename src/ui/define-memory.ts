/** Registers `<rondo-memory>` and the elements inside it. */
import { CopyButton } from "./copy-button";
import { DeleteQuestion } from "./delete-question";
import { BufferTable } from "./memory/buffer-table";
import { DeviceSection } from "./memory/device-section";
import { GpuUse } from "./memory/gpu-use";
import { HeatMap } from "./memory/heat-map";
import { LastTurn } from "./memory/last-turn";
import { MemoryElement } from "./memory/memory-element";
import { RoundDetails } from "./memory/round-details";
import { RoundMap } from "./memory/round-map";
import { StorageSection } from "./memory/storage-section";
import { Tiers } from "./memory/tiers";
import { Timeline } from "./memory/timeline";
import { TurnPlotElement } from "./memory/turn-plot";

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

for (const [name, element] of Object.entries(elements))
  if (customElements.get(name) === undefined)
    customElements.define(name, element);
