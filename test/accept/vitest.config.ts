import { defineConfig } from "vitest/config";
import { bareShaders } from "../../tools/bare-shaders.mjs";
import { serviceWorker } from "../../tools/service-worker.mjs";

/** `npm run accept`: apart from the other tests, since it needs real models. */
export default defineConfig({
  base: "./",
  build: { outDir: "dist/page", target: "es2022", sourcemap: true },
  plugins: [bareShaders, serviceWorker()],
  worker: { format: "es", plugins: () => [bareShaders] },
  test: {
    include: ["test/accept/**/*.accept.ts"],
    globalSetup: ["test/e2e/build-page.ts"],
    environment: "node",
    testTimeout: 900_000,
    hookTimeout: 180_000,
    fileParallelism: false,
    reporters: ["verbose"],
  },
});
