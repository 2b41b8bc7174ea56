import { defineConfig } from "vitest/config";

/** `npm run accept`: apart from the other tests, since it needs real models. */
export default defineConfig({
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
