/** The demo model's files, with another calibration. */

const FOLDER = "/models/rondo-tiny/";
const FILES = [
  "config.json",
  "generation_config.json",
  "model.safetensors",
  "tokenizer.json",
  "tokenizer_config.json",
];

/** @param fields of rondo.json that are other than its own */
export async function demoModelWith(fields: object): Promise<File[]> {
  const fetched = await Promise.all(
    FILES.map(async (name) => {
      const response = await fetch(new URL(FOLDER + name, location.href));
      return response.ok ? new File([await response.blob()], name) : undefined;
    }),
  );
  const calibration = (await (
    await fetch(new URL(`${FOLDER}rondo.json`, location.href))
  ).json()) as object;
  const rondo = JSON.stringify({ ...calibration, ...fields });
  return [
    ...fetched.filter((file) => file !== undefined),
    new File([rondo], "rondo.json"),
  ];
}
