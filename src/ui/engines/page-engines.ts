/** The engines of this page, each in a worker of its own. */
import { RemoteEngine } from "../../engine/worker/remote-engine";
import { offerToDevtools } from "../devtools/devtools-hook";
import { EnginePool } from "./engine-pool";

export const pageEngines = new EnginePool(() => {
  const engine = new RemoteEngine();
  offerToDevtools(engine);
  return engine;
});
