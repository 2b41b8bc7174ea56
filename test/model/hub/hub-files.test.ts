import { describe, expect, it } from "vitest";
import { chooseFiles } from "../../../src/model/hub/hub-files";

const NAME = { repository: "org/name", file: undefined };

function listing(...paths: string[]) {
  return paths.map((path) => ({
    path,
    bytes: 10,
    version: path,
    sha256: undefined,
  }));
}

describe("of a repository in safetensors", () => {
  it("the parts that are read are chosen, and nothing else", () => {
    const { id, gguf, files, choices, isDefault } = chooseFiles(
      NAME,
      listing(
        ".gitattributes",
        "README.md",
        "model.safetensors",
        "tokenizer.json",
        "config.json",
        "onnx/config.json",
        "pytorch_model.bin",
      ),
    );
    expect({ id, gguf, choices, isDefault }).toEqual({
      id: "org/name",
      gguf: undefined,
      choices: [],
      isDefault: true,
    });
    expect(files.map(({ path }) => path)).toEqual([
      "config.json",
      "tokenizer.json",
      "model.safetensors",
    ]);
  });

  it("shards come with their index", () => {
    const { files } = chooseFiles(
      NAME,
      listing(
        "consolidated.safetensors",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
      ),
    );
    expect(files.map(({ path }) => path)).toEqual([
      "model.safetensors.index.json",
      "model-00001-of-00002.safetensors",
      "model-00002-of-00002.safetensors",
    ]);
  });

  it("GGUF files beside them are choices", () => {
    const files = listing("model.safetensors", "m-f16.gguf");
    const chosen = chooseFiles(NAME, files);
    expect(chosen.gguf).toBeUndefined();
    expect(chosen.choices.map(({ id }) => id)).toEqual([
      "org/name",
      "org/name/m-f16.gguf",
    ]);
    const named = chooseFiles({ ...NAME, file: "m-f16.gguf" }, files);
    expect(named).toMatchObject({ gguf: "m-f16.gguf", isDefault: false });
  });
});

describe("of a repository in GGUF", () => {
  it.each([
    [["m-F16.gguf", "m-Q8_0.gguf", "m-Q4_0.gguf", "m-Q4_K_M.gguf"], "m-Q4_K_M"],
    [["m-q8_0.gguf", "m-q4_0.gguf", "m-fp16.gguf"], "m-q4_0"],
    [["m-F16.gguf", "m-Q8_0.gguf"], "m-Q8_0"],
    [["m-F32.gguf", "m-BF16.gguf"], "m-BF16"],
    [["m.gguf"], "m"],
    [["mmproj-m-Q4_0.gguf", "m-Q8_0.gguf", "m.imatrix.gguf"], "m-Q8_0"],
    [["m-Q4_0-00001-of-00002.gguf", "m-Q6_K.gguf"], "m-Q6_K"],
    [["m-Q2_K.gguf", "m-IQ4_XS.gguf", "m-Q3_K_M.gguf"], "m-IQ4_XS"],
  ])("%j: the best default is %s", (paths, best) => {
    const chosen = chooseFiles(NAME, listing("README.md", ...paths));
    expect(chosen.gguf).toBe(`${best}.gguf`);
    expect(chosen.id).toBe(`org/name/${best}.gguf`);
    expect(chosen.isDefault).toBe(true);
    expect(chosen.files.map(({ path }) => path)).toEqual([`${best}.gguf`]);
    expect(chosen.choices).not.toHaveLength(1);
  });
});

describe("of a GGUF file in several parts", () => {
  const parts = [1, 2, 3].map((n) => `Q4_K_M/m-Q4_K_M-0000${n}-of-00003.gguf`);
  const other = "m-Q8_0-00001-of-00002.gguf"; // of which a part is missing

  it("all are chosen, and they are one choice", () => {
    const chosen = chooseFiles(
      NAME,
      listing(
        "README.md",
        parts[2]!,
        other,
        parts[0]!,
        parts[1]!,
        "m-F16.gguf",
      ),
    );
    expect(chosen.id).toBe(`org/name/${parts[0]}`);
    expect(chosen.gguf).toBe(parts[0]);
    expect(chosen.isDefault).toBe(true);
    expect(chosen.files.map(({ path }) => path)).toEqual(parts);
    expect(chosen.choices).toEqual([
      { id: "org/name/m-F16.gguf", name: "m-F16.gguf", bytes: 10 },
      {
        id: `org/name/${parts[0]}`,
        name: "Q4_K_M/m-Q4_K_M.gguf",
        bytes: 30,
      },
    ]);
  });

  it("the same in one file goes first", () => {
    const chosen = chooseFiles(NAME, listing(...parts, "m-q4_k_m.gguf"));
    expect(chosen.gguf).toBe("m-q4_k_m.gguf");
  });

  it("those that are missing are named", () => {
    expect(() =>
      chooseFiles({ ...NAME, file: parts[0] }, listing(parts[0]!, parts[2]!)),
    ).toThrow(`org/name has no file ${parts[1]}.`);
  });
});

describe("an error says what there is", () => {
  it("of a file that is not there", () => {
    const file = "b.gguf";
    expect(() => chooseFiles({ ...NAME, file }, listing("a.gguf"))).toThrow(
      "org/name has no file b.gguf. Choose one of a.gguf.",
    );
  });

  it("of weights that can't be loaded", () => {
    expect(() => chooseFiles(NAME, listing("pytorch_model.bin"))).toThrow(
      /only pytorch_model\.bin.*model\.safetensors or a GGUF file/,
    );
    expect(() => chooseFiles(NAME, listing("README.md"))).toThrow(/no weights/);
  });
});
