import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { bareShaders } from "./tools/bare-shaders.mjs";
import {
  chromiumArgs,
  chromiumPath,
  quickChromiumPath,
} from "./tools/chromium.mjs";
import { serviceWorker } from "./tools/service-worker.mjs";

/** Each project needs its own: Vitest writes the project's name into it. */
const chromium = (executablePath = chromiumPath()) => ({
  enabled: true,
  headless: true,
  screenshotFailures: false,
  provider: playwright({
    launchOptions: { executablePath, args: chromiumArgs },
  }),
  instances: [{ browser: "chromium" as const }],
});

/** Tests that compute more than they compile: whole turns, and models over many tokens. */
const computing = [
  "test/api/**/*.gpu.test.ts",
  "test/engine/**/*.gpu.test.ts",
  "test/model/network/{fast-path,golden,llama-cpp}.gpu.test.ts",
];

/** Tests that need a WebGPU adapter, one at a time in a browser of their own. */
const gpuProject = (
  name: string,
  files: { include: string[]; exclude?: string[] },
  groupOrder: number,
  executablePath?: string,
) => ({
  extends: true as const,
  test: {
    name,
    ...files,
    setupFiles: ["test/support/matchers.ts"],
    globalSetup: ["test/support/serve-hub.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    sequence: { groupOrder },
    browser: chromium(executablePath),
  },
});

/**
 * The page's build, and the test projects. A test lies where its source does; its name says what it needs:
 * `x.test.ts` Node, `x.browser.test.ts` Chromium, `x.gpu.test.ts` Chromium and its WebGPU adapter. Those of
 * `engine` run on the quickest adapter there is. `e2e` plays with the built page.
 */
export default defineConfig({
  base: "./",
  build: { outDir: "dist/page", target: "es2022", sourcemap: true },
  plugins: [bareShaders, serviceWorker()],
  worker: { format: "es", plugins: () => [bareShaders] },
  // Each of its files is one module as it stands; to bundle them again takes the first test 15 seconds.
  // What is loaded late is bundled early all the same: else a test that loads it begins anew.
  optimizeDeps: {
    exclude: ["pdfjs-dist"],
    include: [
      "chardet",
      "katex",
      "highlight.js/lib/common",
      "react",
      "react-dom/client",
      ...["dart", "dockerfile", "haskell", "latex", "powershell", "scala"].map(
        (language) => `highlight.js/lib/languages/${language}`,
      ),
    ],
  },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          environment: "node",
          include: ["test/**/*.test.ts"],
          exclude: ["test/**/*.{browser,gpu}.test.ts", "test/e2e/**"],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "browser",
          include: ["test/**/*.browser.test.ts"],
          setupFiles: ["test/support/matchers.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // A page mostly waits: for a painting, a timer, the disk.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
          browser: chromium(),
        },
      },
      // Side by side: Chromium's own software adapter compiles on one core.
      gpuProject(
        "kernels",
        {
          include: ["test/**/*.gpu.test.ts"],
          exclude: [...computing, "test/model/**"],
        },
        2,
      ),
      gpuProject(
        "models",
        { include: ["test/model/**/*.gpu.test.ts"], exclude: computing },
        2,
      ),
      gpuProject("engine", { include: computing }, 3, quickChromiumPath()),
      {
        extends: true,
        test: {
          name: "e2e",
          environment: "node",
          include: ["test/e2e/**/*.test.ts"],
          globalSetup: ["test/e2e/build-page.ts"],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
