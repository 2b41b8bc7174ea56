// A chat as a file: what comes back of it, and what is said of files that are none.
import { describe, expect, test } from "vitest";
import {
  type ChatFile,
  type FileSegment,
  readChatFile,
  writeChatFile,
} from "../../../src/engine/archive/chat-file";
import type { RoundRecord } from "../../../src/store/rounds";
import { crc32c } from "../../../src/util/crc32c";
import {
  chatHead,
  kvOf,
  openTestArchive,
  roundToKeep,
  type TestArchive,
} from "../../support/archive";
import { countOf, countWrites, failPuts, ownName } from "../../store/fixtures";

const rounds = [
  roundToKeep(0),
  roundToKeep(1, {
    user: "Wie heißt meine Katze? 🐈",
    attended: [0],
    modelName: "rondo-tiny",
  }),
  roundToKeep(2, {
    isFinished: false,
    tokens: [2, 7, 4_294_967_295],
    pageDigest: Float32Array.of(0.1, -0, Infinity),
  }),
];

const chat: ChatFile = {
  title: "Cats",
  system: "Be brief.",
  modelName: "rondo-tiny",
  createdMs: 1000,
  rounds: rounds.map((round) => ({
    ...round,
    tokens: Uint32Array.from(round.tokens),
    attended: round.attended && [...round.attended],
    createdMs: 2000,
  })),
};

const segments: FileSegment[] = [1, 2].map((roundId) => ({
  roundId,
  half: "lower",
  fingerprint: `model/${roundId}`,
  blob: new Blob([new Uint8Array(100).fill(roundId)]),
  bytes: 100,
}));

async function bytesOf(blob: Blob): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await blob.arrayBuffer());
}

/** A file with this JSON in it, as another program might write it. */
function fileOf(json: unknown, version = 1): Blob {
  const text = new TextEncoder().encode(
    typeof json === "string" ? json : JSON.stringify(json),
  );
  const words = Uint32Array.of(version, text.length, crc32c(text));
  return new Blob(["RNDOCHAT", words, text]);
}

/** The JSON that a file holds. */
async function jsonOf(file: Blob): Promise<Record<string, unknown>> {
  const bytes = await bytesOf(file);
  const length = new DataView(bytes.buffer).getUint32(12, true);
  const text = new TextDecoder().decode(bytes.subarray(20, 20 + length));
  return JSON.parse(text) as Record<string, unknown>;
}

async function collect(file: Blob) {
  const found: (FileSegment | "damaged")[] = [];
  for await (const read of (await readChatFile(file)).segments())
    found.push(...read);
  return found;
}

test("what was written is read, to the bit", async () => {
  const file = await writeChatFile(chat, segments);
  expect((await readChatFile(file)).chat).toEqual(chat);
  const found = await collect(file);
  expect(found).toMatchObject(segments.map(({ blob: _, ...rest }) => rest));
  for (const [i, segment] of found.entries()) {
    const { blob } = segment as FileSegment;
    expect(await bytesOf(blob)).toEqual(await bytesOf(segments[i]!.blob));
  }
});

test("a chat without segments or system prompt is a file too", async () => {
  const { system: _, ...plain } = chat;
  const file = await writeChatFile({ ...plain, rounds: [] });
  expect((await readChatFile(file)).chat).toEqual({ ...plain, rounds: [] });
  expect(await collect(file)).toEqual([]);
});

test("every flipped bit of the text is found", async () => {
  const bytes = await bytesOf(await writeChatFile({ ...chat, rounds: [] }));
  for (let at = 0; at < bytes.length; at++) {
    const flipped = new Blob([bytes.with(at, bytes[at]! ^ (1 << (at % 8)))]);
    await expect(readChatFile(flipped)).rejects.toMatchObject({
      name: "ChatFileError",
    });
  }
});

test("damaged KV is left out, and the KV behind it is not", async () => {
  const bytes = await bytesOf(await writeChatFile(chat, segments));
  const at = bytes.length - 150;
  const flipped = new Blob([bytes.with(at, bytes[at]! ^ 4)]);
  expect((await readChatFile(flipped)).chat).toEqual(chat);
  expect(await collect(flipped)).toMatchObject(["damaged", { roundId: 2 }]);
});

test("of a file that was cut off in its KV the text is read", async () => {
  const file = await writeChatFile(chat, segments);
  const cut = file.slice(0, file.size - 101);
  expect((await readChatFile(cut)).chat).toEqual(chat);
  expect(await collect(cut)).toEqual(["damaged", "damaged"]);
});

test.each<[what: string, file: Blob | Promise<Blob>, message: string]>([
  ["an empty file", new Blob(), "not a chat file"],
  ["another format", new Blob(["%PDF-1.7 and so on and on"]), "not a chat"],
  ["no more than the start", new Blob(["RNDOCHAT"]), "not a chat"],
  ["a newer version", fileOf({}, 2), "file version 2; this one reads 1"],
  [
    "a file that was cut off",
    writeChatFile(chat).then((file) => file.slice(0, 100)),
    "ends after 100 bytes",
  ],
  ["JSON that is no object", fileOf("3"), "expected Object, found 3"],
  ["no JSON", fileOf("{"), "invalid JSON"],
  ["JSON of something else", fileOf({ a: 1 }), "expected title, found nothing"],
])("says of %s what is wrong", async (_, file, message) => {
  const reading = readChatFile(await file);
  await expect(reading).rejects.toThrow(message);
  await expect(reading).rejects.toMatchObject({ name: "ChatFileError" });
});

test.each<[where: string, changes: Record<string, unknown>]>([
  ["title", { title: 3 }],
  ["rounds.1.tokens.0", { tokens: [-1] }],
  ["rounds.1.tokens.1", { tokens: [1, 0.5] }],
  ["rounds.1.tokens.0", { tokens: [2 ** 32] }],
  ["rounds.1.attended", { attended: "all" }],
  ["rounds.1.id", { id: Number.MAX_SAFE_INTEGER }],
  ["rounds.1.id", { id: 2 ** 31 + 1 }],
  ["rounds.1.createdMs", { createdMs: 1e300 }],
  ["rounds.1.reply", { reply: "x".repeat(2_000_001) }],
  ["rounds.1: a parent id", { parentId: 1 }],
  ["rounds.1: a message no longer", { openTokens: 4 }],
  ["rounds: unique round ids", { id: 2, parentId: null }],
])(
  "names the field that is not as it should be: %s",
  async (where, changes) => {
    const json = await jsonOf(await writeChatFile(chat));
    const list = json.rounds as object[];
    const changed =
      "title" in changes
        ? { ...json, ...changes }
        : { ...json, rounds: list.with(1, { ...list[1], ...changes }) };
    await expect(readChatFile(fileOf(changed))).rejects.toThrow(where);
  },
);

test("a title that is longer than a line is cut", async () => {
  const json = await jsonOf(await writeChatFile(chat));
  const title = "x".repeat(2_000_000);
  const read = await readChatFile(fileOf({ ...json, title }));
  expect(read.chat.title).toBe("x".repeat(1000));
});

describe("a file that no chat makes", () => {
  const listed = { roundId: 0, half: "lower", fingerprint: "f", crc32c: 0 };

  test.each<[what: string, segments: object[], message: string]>([
    [
      "segments without a header",
      Array.from({ length: 100_000 }, () => ({ ...listed, bytes: 0 })),
      "segments.0.bytes: >=60, found 0",
    ],
    [
      "the same segment over and over",
      Array.from({ length: 100_000 }, () => ({ ...listed, bytes: 60 })),
      "segments: one segment per half of a round",
    ],
  ])("is refused: %s", async (_, segments, message) => {
    const json = await jsonOf(await writeChatFile(chat));
    const reading = readChatFile(fileOf({ ...json, segments }));
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.toMatchObject({ name: "ChatFileError" });
  });

  test("is refused: more rounds than anybody says", async () => {
    const json = await jsonOf(await writeChatFile(chat));
    const [first] = json.rounds as object[];
    const rounds = Array.from({ length: 100_001 }, (_, id) => ({
      ...first,
      id,
    }));
    await expect(readChatFile(fileOf({ ...json, rounds }))).rejects.toThrow(
      "rounds: <=100000, found 100001",
    );
  });
});

describe("a long chat", () => {
  const COUNT = 3000;
  const long: ChatFile = {
    ...chat,
    rounds: Array.from({ length: COUNT }, (_, id) => ({
      ...chat.rounds[0]!,
      id,
      parentId: id === 0 ? null : id - 1,
      user: `Question ${id}`,
    })),
  };
  const ofRound = (roundId: number): FileSegment => ({
    roundId,
    half: "upper",
    fingerprint: "f",
    blob: new Blob([new Uint8Array(4096).fill(roundId)]),
    bytes: 4096,
  });

  test("is written in one transaction, and its KV in a few", async () => {
    const { archive } = await openTestArchive();
    const file = await writeChatFile(
      long,
      Array.from({ length: COUNT }, (_, id) => ofRound(id)),
    );
    const writes = countWrites();
    const { summary, leftOutSegments } = await archive.importChat(file, {
      withKv: true,
    });
    expect(leftOutSegments).toBe(0);
    // 12 MB of KV, four at a time.
    expect(writes.transactions).toBe(1 + 3);
    // Of a chat that is new nothing is read, and nothing deleted.
    expect(writes.deletes).toBe(0);
    expect(writes.puts).toBe(COUNT + 1 + 2 * COUNT);
    expect((await archive.read(summary.id))!.rounds).toHaveLength(COUNT);
    expect((await archive.storedHalves(summary.id)).size).toBe(COUNT);
  });

  test("is imported without the KV of rounds that it does not have", async () => {
    const { archive } = await openTestArchive();
    const file = await writeChatFile(chat, [0, 1, 7].map(ofRound));
    const { summary, leftOutSegments } = await archive.importChat(file, {
      withKv: true,
    });
    expect(leftOutSegments).toBe(1);
    expect([...(await archive.storedHalves(summary.id)).keys()]).toEqual([
      0, 1,
    ]);
  });
});

/** An archive with the rounds above and KV of the first two. */
async function openFilled(name = ownName()): Promise<TestArchive> {
  const opened = await openTestArchive(name);
  const head = chatHead("a", { system: "Be brief.", title: "Cats" });
  await opened.archive.saveRounds(head, rounds);
  for (const round of rounds.slice(0, 2)) {
    for (const half of ["lower", "upper"] as const) {
      const { header, payload, origin } = await kvOf(round, half);
      const { archive } = opened;
      await archive.saveSegment("a", round.id, header, payload, origin);
    }
  }
  return opened;
}

/** What must come back, whatever chat it comes back to. */
function fieldsOf({
  id,
  parentId,
  user,
  reply,
  isFinished,
  tokens,
  attended,
}: RoundRecord) {
  return { id, parentId, user, reply, isFinished, tokens, attended };
}

test.each([
  ["with its KV, where the one who imports it trusts it", true, true],
  ["without, where that one does not", true, false],
  ["without, where it was exported so", false, true],
])("a chat comes back under a new id %s", async (_, isExported, isTrusted) => {
  const { archive } = await openFilled();
  const file = await archive.exportChat("a", { withKv: isExported });
  const there = (await openTestArchive()).archive;
  const { summary, leftOutSegments } = await there.importChat(file, {
    withKv: isTrusted,
  });
  expect(leftOutSegments).toBe(0);
  expect(summary).toMatchObject({
    title: "Cats",
    createdMs: 1000,
    modelName: "rondo-tiny",
  });
  expect(summary.id).not.toBe("a");
  expect(await there.list()).toEqual([summary]);

  const withKv = isExported && isTrusted;
  const before = (await archive.read("a"))!;
  const after = (await there.read(summary.id))!;
  expect(after.conversation).toMatchObject({
    title: "Cats",
    system: "Be brief.",
    model: { name: "rondo-tiny", url: "" },
  });
  expect(after.rounds).toMatchObject(
    before.rounds.map(({ pageDigest, ...round }) => ({
      ...fieldsOf(round),
      ...(withKv && pageDigest && { pageDigest }),
      isFromFile: true,
    })),
  );
  const halves = await there.storedHalves(summary.id);
  const known = [...halves].map(([id, { lower, upper }]) => [
    id,
    lower?.kvContext,
    upper?.fingerprint,
  ]);
  const { header, origin } = await kvOf(rounds[0]!, "upper");
  expect(known).toHaveLength(withKv ? 2 : 0);
  if (withKv) expect(known[0]).toEqual([0, origin.context, header.fingerprint]);
  const { expected, payload } = await kvOf(rounds[1]!, "upper");
  expect(await there.readSegment(summary.id, 1, expected)).toEqual(
    withKv ? { payload, elements: "f16", origin } : "missing",
  );
});

test("a chat goes on behind the last round that a file may have", async () => {
  const last = { ...chat.rounds[1]!, id: 2 ** 31 };
  const file = await writeChatFile({
    ...chat,
    rounds: [chat.rounds[0]!, last],
  });
  const { archive, troubles } = await openTestArchive();
  const { id } = (await archive.importChat(file)).summary;
  const next = roundToKeep(last.id + 1);
  expect(await archive.saveRounds(chatHead(id), [next])).toBe(true);
  expect(troubles).toEqual([]);
  const ids = (await archive.read(id))!.rounds.map((round) => round.id);
  expect(ids).toEqual([chat.rounds[0]!.id, last.id, last.id + 1]);
});

test("all branches are exported", async () => {
  const { archive } = await openFilled();
  const branch = roundToKeep(3, { parentId: 1 });
  await archive.saveRounds(chatHead("a"), [branch]);
  const { chat: exported } = await readChatFile(await archive.exportChat("a"));
  expect(exported.rounds.map(({ id }) => id)).toEqual([0, 1, 2, 3]);
});

test("a chat is imported as often as one likes", async () => {
  const { archive, changes } = await openFilled();
  const file = await archive.exportChat("a", { withKv: true });
  const before = changes.count;
  const ids = new Set<string>(["a"]);
  for (let i = 0; i < 2; i++)
    ids.add((await archive.importChat(file)).summary.id);
  expect(ids.size).toBe(3);
  expect(changes.count).toBe(before + 2);
  await archive.delete("a");
  expect(await archive.list()).toHaveLength(2);
});

test("KV that is damaged in the file is counted, and the rest is imported", async () => {
  const { archive } = await openFilled();
  const file = await archive.exportChat("a", { withKv: true });
  const bytes = await bytesOf(file);
  const damaged = new Blob([bytes.with(-1, bytes.at(-1)! ^ 1)]);
  const { summary, leftOutSegments } = await archive.importChat(damaged, {
    withKv: true,
  });
  expect(leftOutSegments).toBe(1);
  const sizes = await archive.storedHalves(summary.id);
  expect(sizes.get(1)).toHaveProperty("lower");
  expect(sizes.get(1)).not.toHaveProperty("upper");
});

test("a chat is imported without KV where there is no room for it", async () => {
  const { archive, troubles } = await openFilled();
  const file = await archive.exportChat("a", { withKv: true });
  failPuts((store) => store === "segments");
  const { summary, leftOutSegments } = await archive.importChat(file, {
    withKv: true,
  });
  expect(leftOutSegments).toBe(4);
  expect((await archive.read(summary.id))!.rounds).toHaveLength(3);
  expect(troubles).toMatchObject([{ reason: "quota" }]);
});

test("nothing is imported of a file that is no chat, or where there is no room for text", async () => {
  const name = ownName();
  const { archive } = await openFilled(name);
  const file = await archive.exportChat("a");
  await expect(archive.importChat(file.slice(0, 50))).rejects.toMatchObject({
    name: "ChatFileError",
  });
  failPuts((store) => store === "conversations");
  await expect(archive.importChat(file)).rejects.toMatchObject({
    reason: "quota",
  });
  expect(await countOf(name, "rounds")).toBe(3);
  expect(await countOf(name, "conversations")).toBe(1);
});

test("a chat that is not there can't be exported", async () => {
  const { archive } = await openTestArchive();
  await expect(archive.exportChat("a")).rejects.toThrow(RangeError);
});
