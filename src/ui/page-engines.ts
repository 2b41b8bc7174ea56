/** The engines of this page, each in a worker of its own. */
import { RemoteEngine } from "../engine/remote";
import { EnginePool } from "./engine-pool";

export const pageEngines = new EnginePool(() => new RemoteEngine());
