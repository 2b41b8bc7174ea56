/** The examples with a build. `rondo` resolves to the output of `npm run build`. */
import { fileURLToPath } from "node:url";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));

export default defineConfig({
  root,
  base: "./",
  publicDir: false,
  plugins: [
    vue({
      template: {
        compilerOptions: {
          isCustomElement: (tag) => tag.startsWith("rondo-"),
        },
      },
    }),
  ],
  build: {
    outDir: "dist/examples",
    target: "es2022",
    rolldownOptions: {
      input: {
        react: `${root}examples/react/index.html`,
        vue: `${root}examples/vue/index.html`,
      },
    },
  },
});
