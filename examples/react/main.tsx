import { createRoot } from "react-dom/client";
import "../given-engine";
import { App } from "./app";

createRoot(document.getElementById("root")!).render(<App />);
