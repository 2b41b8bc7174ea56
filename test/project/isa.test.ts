import { expect, test } from "vitest";
import { faultsOf } from "../../tools/isa/limits.mjs";
import { readListings } from "../../tools/isa/listing.mjs";

/** Shortened; the counts are made up. */
const OUTPUT = `
ac_compute_device_uuid's output is based on invalid pci bus info.
=== {"model":"A","label":"matvec","constants":{"row_tile":1}}
Compute Shader
disasm:
BB0:
	s_load_b64 s[0:1], s[2:3], 0x0                              ; f4040001
BB1:
	s_nop 0                                                     ; bf800000
BB2:
	buffer_load_b128 v[4:7], v1, s[4:7], 0 offen                ; e05c0000
	buffer_load_b128 v[8:11], v1, s[4:7], 0 offen offset:16     ; e05c0010
	s_waitcnt vmcnt(1)                                          ; bf8907f7
	v_add_f32_e32 v4, v5, v6                                    ; 06080d05
	buffer_load_b32 v12, v1, s[4:7], 0 offen                    ; e0500000
	s_waitcnt vmcnt(0)                                          ; bf8903f7
	v_dual_fmac_f32 v4, v8, v12 :: v_dual_fmac_f32 v5, v9, v12  ; c8001908
	ds_store_b32 v4, v5                                         ; d8340000
	s_cbranch_scc1 BB2                                          ; bfa2ffd2
	v_mov_b32_e32 v0, v1                                        ; 7e000301
	s_branch BB1                                                ; bfa0fff0
BB3:
	s_endpgm                                                    ; bfb00000

*** SHADER STATS ***
SGPRs: 128
VGPRs: 60
Spilled SGPRs: 1
Spilled VGPRs: 2
LDS size: 1536
Subgroups per SIMD: 24
Latency: 8250
********************
=== {"model":"B","label":"matvec","constants":{"row_tile":1}}
`;

test("a listing gives a kernel's registers, and counts of its innermost loop", () => {
  expect(readListings(OUTPUT)).toEqual([
    {
      models: ["A", "B"],
      label: "matvec",
      constants: { row_tile: 1 },
      registers: 60,
      spills: 3,
      waves: 24,
      ldsBytes: 1536,
      latency: 8250,
      loop: { valu: 3, loads: 3, lds: 1, salu: 1, inFlight: 2 },
    },
  ]);
});

test("output that is not RADV's is refused", () => {
  const output = '=== {"model":"A","label":"embed","constants":{}}\nno driver';
  expect(() => readListings(output)).toThrow(/printed no VGPRs/);
});

test("spilled registers are over the limit", () => {
  expect(readListings(OUTPUT).flatMap(faultsOf)).toEqual([
    'matvec {"row_tile":1} spills 3 registers.',
  ]);
});

test("a matvec of four-bit weights with too many instructions or loads is over the limit", () => {
  const [compiled] = readListings(
    OUTPUT.replaceAll(
      '{"row_tile":1}',
      '{"weight_format":5,"row_tile":1,"normalizes":0}',
    ),
  );
  const faultsWith = (loop: { valu: number; loads: number }) =>
    faultsOf({
      ...compiled!,
      spills: 0,
      loop: { ...compiled!.loop!, ...loop },
    });
  expect(faultsWith({ valu: 352, loads: 16 })).toEqual([]);
  expect(faultsWith({ valu: 384, loads: 17 })).toEqual([
    expect.stringContaining(": 3.00 vector instructions a weight"),
    expect.stringContaining(": 17 loads for 128 weights"),
  ]);
});
