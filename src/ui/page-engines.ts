/** The engines of this page, each in a worker of its own. */
import { RemoteEngine } from "../engine/remote";
import { offerToDevtools } from "./devtools-hook";
import { EnginePool } from "./engine-pool";

export const pageEngines = new EnginePool(() => {
  const engine = new RemoteEngine();
  offerToDevtools(engine);
  return engine;
});
