import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type SaidCall,
  type ToolCallFormat,
  callsIn,
} from "../../../src/model/text/parse-calls";

const oslo: SaidCall = { name: "weather", arguments: { city: "Oslo" } };
const sum: SaidCall = { name: "add", arguments: { a: 1, b: [2, { c: null }] } };
const tricky: SaidCall = {
  name: "write",
  arguments: { text: 'a "}" ]} </tool_call> \\ [TOOL_CALLS] é 日本' },
};

const json = JSON.stringify;
const hermes = (call: SaidCall) => `<tool_call>\n${json(call)}\n</tool_call>`;
const llama = ({ name, arguments: parameters }: SaidCall) =>
  json({ name, parameters });

interface Reply {
  format: ToolCallFormat;
  reply: string;
  text: string;
  calls: SaidCall[];
}

const replies: Reply[] = [
  { format: "hermes", reply: hermes(oslo), text: "", calls: [oslo] },
  {
    format: "hermes",
    reply: `Let me look.\n\n${hermes(oslo)}\n${hermes(sum)}`,
    text: "Let me look.",
    calls: [oslo, sum],
  },
  {
    format: "hermes",
    reply: `First.\n${hermes(tricky)}\nThen I tell you.`,
    text: "First.\nThen I tell you.",
    calls: [tricky],
  },
  {
    format: "hermes",
    reply: `<tool_call>{"name": "now"}</tool_call>`,
    text: "",
    calls: [{ name: "now", arguments: {} }],
  },
  {
    format: "hermes",
    reply: `<tool_call>\n${json(oslo)}`,
    text: "",
    calls: [oslo],
  },
  {
    format: "hermes",
    reply: "2 <tool_box> and <tool_call> are words.",
    text: "2 <tool_box> and <tool_call> are words.",
    calls: [],
  },
  {
    format: "hermes",
    reply: `<tool_call>{"name": 3}</tool_call> and ${hermes(oslo)}`,
    text: `<tool_call>{"name": 3}</tool_call> and`,
    calls: [oslo],
  },
  {
    format: "hermes",
    reply: `<tool_call>{"name": oops</tool_call> so`,
    text: `<tool_call>{"name": oops</tool_call> so`,
    calls: [],
  },
  { format: "llama3", reply: llama(oslo), text: "", calls: [oslo] },
  {
    format: "llama3",
    reply: `<|python_tag|>${llama(oslo)}; ${llama(tricky)}`,
    text: "",
    calls: [oslo, tricky],
  },
  {
    format: "llama3",
    reply: "It is {sunny} in Oslo.",
    text: "It is {sunny} in Oslo.",
    calls: [],
  },
  {
    format: "llama3",
    reply: '{"name": "Ada", "age": 36}',
    text: '{"name": "Ada", "age": 36}',
    calls: [],
  },
  {
    format: "mistral",
    reply: `[TOOL_CALLS][${json(oslo)}, ${json(tricky)}]`,
    text: "",
    calls: [oslo, tricky],
  },
  {
    format: "mistral",
    reply: `Well. [TOOL_CALLS] ${json([sum])}`,
    text: "Well.",
    calls: [sum],
  },
  {
    format: "mistral",
    reply: `[TOOL_CALLS]weather${json(oslo.arguments)}[TOOL_CALLS]add[ARGS]${json(sum.arguments)}`,
    text: "",
    calls: [oslo, sum],
  },
  {
    format: "mistral",
    reply: `[TOOL_CALLS]add[CALL_ID]abcdef123[ARGS]${json(sum.arguments)}`,
    text: "",
    calls: [sum],
  },
  {
    format: "mistral",
    reply: "[TOOL] [TOOL_CALLS]: none",
    text: "[TOOL] [TOOL_CALLS]: none",
    calls: [],
  },
  { format: "json", reply: ` ${json(oslo)}\n`, text: "", calls: [oslo] },
  { format: "json", reply: json([oslo, sum]), text: "", calls: [oslo, sum] },
  {
    format: "json",
    reply: json({ name: "weather", arguments: json(oslo.arguments) }),
    text: "",
    calls: [oslo],
  },
  { format: "json", reply: "[1, 2]", text: "[1, 2]", calls: [] },
  { format: "json", reply: "Hello!", text: "Hello!", calls: [] },
];

describe.each(replies)("$format: $reply", ({ format, reply, text, calls }) => {
  it("has these calls and this text", () => {
    expect(callsIn(reply, format, { isEnd: true })).toEqual({
      text,
      calls,
      isPartial: false,
    });
  });

  it("only ever gets longer as it grows", () => {
    let before = callsIn("", format);
    for (let end = 1; end <= reply.length; end++) {
      const now = callsIn(reply.slice(0, end), format);
      expect(now.text.startsWith(before.text)).toBe(true);
      expect(now.calls.slice(0, before.calls.length)).toEqual(before.calls);
      before = now;
    }
    expect(text.startsWith(before.text)).toBe(true);
    expect(before.calls).toEqual(calls);
  });
});

describe("a reply that still grows", () => {
  it("holds back what may be a call, and nothing else", () => {
    const so = (reply: string) => callsIn(reply, "hermes");
    expect(so("Look <tool")).toEqual({
      text: "Look",
      calls: [],
      isPartial: true,
    });
    expect(so("Look <tools")).toEqual({
      text: "Look <tools",
      calls: [],
      isPartial: false,
    });
    expect(so('Look <tool_call>\n{"name": "x"')).toEqual({
      text: "Look",
      calls: [],
      isPartial: true,
    });
    expect(callsIn("Look <tool", "hermes", { isEnd: true }).text).toBe(
      "Look <tool",
    );
  });
});

const call = fc.record({
  name: fc.stringMatching(/^[a-z_]{1,8}$/),
  arguments: fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 1 }), {
    maxKeys: 2,
  }),
});
const words = fc.stringMatching(/^[a-z <>{}[\]"\n]{0,20}$/);

describe("any reply", () => {
  it("in Hermes's format has its calls, wherever it was cut before", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(words, call), { maxLength: 3 }),
        words,
        (parts, last) => {
          const reply =
            parts.map(([before, one]) => before + hermes(one)).join("") + last;
          const whole = callsIn(reply, "hermes", { isEnd: true });
          expect(json(whole.calls)).toBe(json(parts.map(([, one]) => one)));
          const isShorter = (end: number) => {
            const { text, calls } = callsIn(reply.slice(0, end), "hermes");
            return (
              whole.text.startsWith(text) &&
              json(whole.calls).startsWith(json(calls).slice(0, -1))
            );
          };
          const ends = Array.from(reply).map((_, end) => end);
          expect(ends.filter((end) => !isShorter(end))).toEqual([]);
        },
      ),
      { numRuns: 30 },
    );
  });

  it.each(["hermes", "llama3", "mistral", "json"] as const)(
    "without a marker and brackets is text (%s)",
    (format) => {
      fc.assert(
        fc.property(fc.stringMatching(/^[a-z .\n]*$/), (reply) => {
          expect(callsIn(reply, format, { isEnd: true })).toEqual({
            text: reply,
            calls: [],
            isPartial: false,
          });
        }),
      );
    },
  );
});

describe("A call in plain JSON at the start of a reply", () => {
  const names = ["weather", "add"];
  const box = (text: string) => `\`\`\`json\n${text}\n\`\`\``;
  const pretty = JSON.stringify(oslo, null, 2);

  it.each([
    ["in a code box", box(pretty), "", [oslo]],
    ["in a list in one", ` ${box(json([oslo, sum]))}\n`, "", [oslo, sum]],
    ["bare", pretty, "", [oslo]],
    ["with a text behind it", `${box(pretty)}\nSo.`, "So.", [oslo]],
    ["not of a known tool", box(json({ ...oslo, name: "x" })), undefined, []],
    ["of what only looks like one", box('{"name": "weather"}'), undefined, []],
    ["of other JSON", box('{"name": "Ada", "age": 36}'), undefined, []],
    ["of code", "```js\nconst a = 1;\n```", undefined, []],
  ])("is one, whatever the format: %s", (_, reply, text, calls) => {
    for (const format of ["hermes", "mistral"] as const) {
      const found = callsIn(reply, format, { isEnd: true, names });
      expect(found).toEqual({ text: text ?? reply, calls, isPartial: false });
      // While it grows, nothing that was told is taken back.
      let told = "";
      for (let length = 0; length <= reply.length; length++) {
        const part = callsIn(reply.slice(0, length), format, { names });
        expect(part.text.startsWith(told)).toBe(true);
        told = part.text;
      }
      expect(found.text.startsWith(told)).toBe(true);
    }
  });

  it("is held back no longer than it may become one", () => {
    const shown = (reply: string) => callsIn(reply, "hermes", { names }).text;
    expect(shown("```json\n{")).toBe("");
    expect(shown('```json\n{"age"')).toBe('```json\n{"age"');
    expect(shown("```python\nprint")).toBe("```python\nprint");
  });
});

it.each(["hermes", "llama3", "mistral", "json"] as const)(
  "what has a name that no tool can have is text: %s",
  (format) => {
    const call = json({ name: "a b!", arguments: {} });
    const reply = format === "hermes" ? `<tool_call>${call}</tool_call>` : call;
    const marked = format === "mistral" ? "[TOOL_CALLS]a.b{}" : reply;
    const { calls, text } = callsIn(marked, format, { isEnd: true });
    expect([calls, text]).toEqual([[], marked]);
  },
);
